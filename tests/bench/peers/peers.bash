# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What awsmaskd is compared with, each with one process or thread that works, in the place's host namespaces and in a
# cgroup of its own. After tests/e2e/helpers.bash.
#
#   peer_is_there NAME    is it installed?
#   peer_start NAME       1: it does not start (says why)

PEERS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -A PEER_PORT=([nginx]=8441 [haproxy]=8442 [lua]=8443 [mitmproxy]=8444 [fastapi]=8445)

# Files that must be there; or else a peer is not installed.
peer_needs() {
	case $1 in
	nginx) echo /usr/sbin/nginx ;;
	haproxy) echo /usr/sbin/haproxy ;;
	lua) echo /usr/sbin/nginx /usr/lib/nginx/modules/ngx_http_lua_module.so ;;
	mitmproxy) echo /usr/bin/mitmdump ;;
	esac
}

nginx_common() { # NAME
	cat <<-END
		daemon off; user root; worker_processes 1; pid $PLACE/$1.pid; error_log $PLACE/$1.log notice;
		events { worker_connections 2048; }
	END
}

nginx_http() { # NAME
	cat <<-END
		access_log off; client_max_body_size 64m; client_body_buffer_size 8m; keepalive_requests 100000000;
		client_body_temp_path $PLACE/$1-body; proxy_temp_path $PLACE/$1-proxy; fastcgi_temp_path $PLACE/$1-f;
		uwsgi_temp_path $PLACE/$1-u; scgi_temp_path $PLACE/$1-s;
		upstream origin { server $ORIGIN4:443; keepalive 256; keepalive_requests 100000000; }
		proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $TARGET; proxy_buffering off;
		proxy_ssl_name $TARGET; proxy_ssl_server_name on; proxy_ssl_verify on; proxy_ssl_protocols TLSv1.3;
		proxy_ssl_trusted_certificate $PLACE/origin-ca.pem; proxy_ssl_session_reuse on;
		ssl_certificate $PLACE/certs/$TARGET.pem; ssl_certificate_key $PLACE/certs/$TARGET.key;
		ssl_protocols TLSv1.3; ssl_session_cache shared:sessions:10m;
	END
}

nginx_plain() {
	nginx_common nginx
	echo "http { $(nginx_http nginx)"
	echo "server { listen 127.0.0.1:${PEER_PORT[nginx]} ssl; location / { proxy_pass https://origin; } } }"
}

nginx_lua() {
	echo "load_module /usr/lib/nginx/modules/ndk_http_module.so;"
	echo "load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;"
	nginx_common lua
	cat <<-END
		pcre_jit on;
		http { $(nginx_http lua)
		lua_package_path '$PEERS_DIR/?.lua;/usr/share/lua/5.1/?.lua;;'; lua_regex_cache_max_entries 4096;
		init_by_lua_block { MASK = require("mask"); MASK.load("$PLACE/expressions") }
		server { listen 127.0.0.1:${PEER_PORT[lua]} ssl; location / {
		  access_by_lua_block { MASK.request() }
		  header_filter_by_lua_block { ngx.header.content_length = nil }
		  body_filter_by_lua_block { MASK.answer() }
		  proxy_pass https://origin; } } }
	END
}

haproxy_config() {
	cat "$PLACE/certs/$TARGET".{pem,key} >"$PLACE/haproxy.pem"
	cat <<-END
		global
		  nbthread 1
		  maxconn 2048
		  ssl-default-bind-options ssl-min-ver TLSv1.3
		  ssl-default-server-options ssl-min-ver TLSv1.3
		defaults
		  mode http
		  timeout connect 5s
		  timeout client 60s
		  timeout server 60s
		  http-reuse always
		frontend clients
		  bind 127.0.0.1:${PEER_PORT[haproxy]} ssl crt $PLACE/haproxy.pem
		  default_backend origin
		backend origin
		  server origin $ORIGIN4:443 ssl verify required ca-file $PLACE/origin-ca.pem sni str($TARGET) verifyhost $TARGET pool-max-conn 256
	END
}

# The command that a peer is, with its configuration written.
peer_command() { # NAME
	local name=$1 port=${PEER_PORT[$1]}
	case $name in
	nginx)
		nginx_plain >"$PLACE/nginx.conf"
		PEER=(/usr/sbin/nginx -e "$PLACE/nginx.log" -p "$PLACE" -c "$PLACE/nginx.conf")
		;;
	lua)
		"$BUILD/bench/scan" expressions >"$PLACE/expressions"
		nginx_lua >"$PLACE/lua.conf"
		PEER=(/usr/sbin/nginx -e "$PLACE/lua.log" -p "$PLACE" -c "$PLACE/lua.conf")
		;;
	haproxy)
		haproxy_config >"$PLACE/haproxy.cfg"
		PEER=(/usr/sbin/haproxy -db -f "$PLACE/haproxy.cfg")
		;;
	mitmproxy)
		mkdir -p "$PLACE/mitmproxy"
		cat "$PLACE/certs/$TARGET".{key,pem} >"$PLACE/mitmproxy.pem"
		PEER=(/usr/bin/mitmdump -q --mode "reverse:https://$TARGET" --listen-host 127.0.0.1 -p "$port"
			--certs "*=$PLACE/mitmproxy.pem" --set "confdir=$PLACE/mitmproxy"
			--set "ssl_verify_upstream_trusted_ca=$PLACE/origin-ca.pem" -s "$PEERS_DIR/addon.py")
		;;
	fastapi)
		PEER=(env "ORIGIN=https://$TARGET" /usr/bin/python3 -B -m uvicorn gateway:app --app-dir "$PEERS_DIR"
			--host 127.0.0.1 --port "$port" --log-level warning --no-access-log
			--ssl-keyfile "$PLACE/certs/$TARGET.key" --ssl-certfile "$PLACE/certs/$TARGET.pem")
		;;
	esac
}

peer_answers() {
	place_direct bash -c "exec 3<>/dev/tcp/127.0.0.1/${PEER_PORT[$1]}"
}

peer_is_there() {
	local file
	for file in $(peer_needs "$1"); do
		[ -e "$file" ] || return 1
	done
	[ "$1" != fastapi ] || /usr/bin/python3 -c 'import fastapi, httpx, uvicorn' 2>/dev/null
}

peer_start() {
	peer_command "$1" && mkdir -p "$PLACE_CGROUP/$1" || return 1
	in_background "$PLACE/$1.out" "$1" nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME="$PLACE" PYTHONDONTWRITEBYTECODE=1 "${PEER[@]}"
	place_wait 30 peer_answers "$1" || {
		place_say "bench: $1 did not start:" "$(tail -n 20 "$PLACE/$1.out" "$PLACE/$1.log" 2>/dev/null)"
		return 1
	}
}
