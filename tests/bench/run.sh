#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measure: tests/bench/run.sh BUILD; see README.md beside this. QUICK=1 for less of it.
#
# First the engines alone, then end to end, in namespaces of its own: the same requests by several ways to the same
# origin, in turn, several times. The exit status is 1 if any value reached the origin by way of the daemon, or any
# answer was not what it should be; then there is FAIL in the table instead of numbers.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${1:?"which build directory? (tests/bench/run.sh BUILD)"}
export BUILD
# shellcheck source=tests/e2e/helpers.bash
. tests/e2e/helpers.bash
# shellcheck source=tests/bench/place.bash
. tests/bench/place.bash

OUT=$REPO/build/bench
CONNECTIONS=${CONNECTIONS:-8}
if [ -n "${QUICK:-}" ]; then
	ROUNDS=3 SECONDS_EACH=0.3 SHAPES=(16K 16K-connect 256K 256K-gzip 2M)
else
	ROUNDS=5 SECONDS_EACH=0.7
	mapfile -t SHAPES < <("$BUILD/bench/load" shapes)
fi
WAYS=(direct awsmaskd)

# A proxy that opens TLS, closes it again, and looks at nothing.
nginx_config() {
	cat <<-END
		daemon off; worker_processes 2; pid $PLACE/nginx.pid; error_log $PLACE/nginx.log; user root;
		events { worker_connections 1024; }
		http {
		  access_log off; client_max_body_size 64m; client_body_buffer_size 8m; keepalive_requests 1000000;
		  client_body_temp_path $PLACE/nginx-body; proxy_temp_path $PLACE/nginx-proxy;
		  fastcgi_temp_path $PLACE/nginx-f; uwsgi_temp_path $PLACE/nginx-u; scgi_temp_path $PLACE/nginx-s;
		  upstream origin { server $ORIGIN4:443; keepalive 64; keepalive_requests 1000000; }
		  server {
		    listen 127.0.0.1:8443 ssl; ssl_certificate $PLACE/certs/$TARGET.pem;
		    ssl_certificate_key $PLACE/certs/$TARGET.key;
		    location / {
		      proxy_pass https://origin; proxy_http_version 1.1; proxy_buffering off;
		      proxy_set_header Connection ""; proxy_set_header Host $TARGET; proxy_ssl_name $TARGET;
		      proxy_ssl_server_name on; proxy_ssl_verify on; proxy_ssl_trusted_certificate $PLACE/origin-ca.pem;
		    }
		  }
		}
	END
}

nginx_answers() {
	place_direct bash -c 'exec 3<>/dev/tcp/127.0.0.1/8443'
}

bench_nginx() {
	local nginx
	nginx=$(PATH=$PATH:/usr/sbin command -v "${NGINX:-nginx}") || {
		echo "nginx: not installed"
		return 0
	}
	nginx_config >"$PLACE/nginx.conf"
	in_background "$PLACE/nginx.out" direct nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		"$nginx" -e "$PLACE/nginx.log" -p "$PLACE" -c "$PLACE/nginx.conf"
	place_wait 10 nginx_answers || {
		place_say "bench: nginx did not start:" "$(cat "$PLACE/nginx.out" "$PLACE/nginx.log")"
		return 1
	}
	mapfile -t NGINX_PIDS < <(pgrep -P "$(<"$PLACE/nginx.pid")")
	WAYS+=(nginx)
}

ask_by() { # WAY SHAPE RUN
	local -a load=("$BUILD/bench/load" "$1" "$2")
	local -a rest=("$SECONDS_EACH" "$CONNECTIONS" "$3")
	case $1 in
	direct)
		place_direct "${load[@]}" $ORIGIN4 443 "${rest[@]}"
		;;
	awsmaskd)
		place_client "${load[@]}" $ORIGIN4 443 "${rest[@]}" worker="$WORKER" monitor="$MONITOR"
		;;
	nginx)
		place_direct "${load[@]}" 127.0.0.1 8443 "${rest[@]}" worker="${NGINX_PIDS[0]}" second="${NGINX_PIDS[1]}"
		;;
	esac || printf '{"way": "%s", "shape": "%s", "fail": "the clients failed; see above"}\n' "$1" "$2"
}

measure_all() {
	local round shape way n=0
	for ((round = 0; round < ROUNDS; round++)); do
		for shape in "${SHAPES[@]}"; do
			for way in "${WAYS[@]}"; do
				n=$((n + 1))
				ask_by "$way" "$shape" $n
			done
		done
	done
}

end_to_end() {
	trap place_end EXIT
	trap 'exit 130' INT TERM
	place_new && bench_origin && place_daemon && bench_nginx || return 1
	WORKER=$(worker_of)
	MONITOR=$(monitor_of)
	measure_all >"$OUT/e2e.lines"
	if ! python3 -B tests/bench/report.py "$OUT/e2e.lines" "$OUT/e2e.json"; then
		tail -n 20 "$PLACE/daemon.log" "$PLACE/bench-origin.log" >&2
		return 1
	fi
}

mkdir -p "$OUT"
printf '%s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
status=0
"$BUILD/bench/scan" ${QUICK:+--quick} "$OUT/scan.json" || status=1
if [ "$(id -u)" = 0 ]; then
	(end_to_end) || status=1
else
	echo "end to end: root is needed for namespaces, cgroups and bpf; run this with sudo" >&2
	status=1
fi
echo "load afterwards: $(cut -d' ' -f1-3 /proc/loadavg)"
exit $status
