# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A place of its own for awsmask: what the end-to-end tests and the demo run in.
#
#   place_new           network namespaces for a host and an origin, a private mount namespace with copies
#                       of /etc, /var/lib, /run and bpffs, cgroups, certificates, and the origin itself
#   place_daemon ...    awsmaskd in it, with awsmask's CA trusted and the client's cgroup enrolled
#   place_client CMD    a command in the enrolled cgroup; place_direct CMD: one outside of it
#   place_end           all of it gone
#
# Whatever belongs to a place carries its name, awsmt-RUN-N; RUN is the process that answers for it. A place
# is a directory, $PLACE; nothing but its path is needed to use or to end it from another process.

LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$LIB_DIR/../.." && pwd)
BUILD=$(cd "${BUILD:-$REPO/build/plain}" 2>/dev/null && pwd || echo "${BUILD:-$REPO/build/plain}")
AWSMT_RUN=${AWSMT_RUN:-$$}
export BUILD AWSMT_RUN

# The origin has a twin with a log of its own, for what is asked without awsmask to compare with.
HOST4=198.51.100.2 ORIGIN4=198.51.100.1 TWIN4=198.51.100.9 HOST6=2001:db8:51::2 ORIGIN6=2001:db8:51::1
TARGET=api.anthropic.com
# As a systemd service's, which the daemon takes for its own; anywhere else it would make one for itself.
DAEMON_CGROUP=system/awsmaskd.service
OTHER=other.example
export TARGET OTHER ORIGIN4 ORIGIN6 TWIN4

place_say() {
	printf '%s\n' "$*" >&2
}

# Wait until a command succeeds: place_wait SECONDS CMD...
place_wait() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

cgroup2_mount() {
	awk '{ for (i = 7; i < NF; i++) if ($i == "-") { if ($(i + 1) == "cgroup2") { print $5; exit } } }' \
		/proc/self/mountinfo
}

# Run a command in one of the place's cgroups: in_cgroup NAME CMD...
in_cgroup() {
	local cgroup=$PLACE_CGROUP/$1
	shift
	(
		echo "$BASHPID" >"$cgroup/cgroup.procs" || exit 126
		exec "$@"
	)
}

# What goes on running must hold none of our descriptors: bats waits for its own to close.
in_background() {
	local out=$1 cgroup=$2
	shift 2
	in_cgroup "$cgroup" setsid -f bash -c 'for fd in /proc/self/fd/*; do fd=${fd##*/}
		[ "$fd" -gt 2 ] && eval "exec $fd>&-" 2>/dev/null; done; exec "$@"' bash "$@" \
		</dev/null >>"$out" 2>&1
}

# --- certificates ---------------------------------------------------------------------------------

place_cert() { # NAME: a certificate for NAME by the test's authority
	local dir=$PLACE/certs name=$1
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" &&
		printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$name" >"$dir/$name.ext" &&
		openssl x509 -req -in "$dir/$name.csr" -CA "$PLACE/origin-ca.pem" -CAkey "$PLACE/origin-ca.key" \
			-days 400 -extfile "$dir/$name.ext" -out "$dir/$name.pem" &&
		rm "$dir/$name.csr" "$dir/$name.ext"
}

place_certs() {
	mkdir -p "$PLACE/certs" || return 1
	{
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 400 \
			-subj "/CN=the origin's authority $PLACE_NAME" -addext keyUsage=critical,keyCertSign \
			-keyout "$PLACE/origin-ca.key" -out "$PLACE/origin-ca.pem" &&
			place_cert "$TARGET" && place_cert "$OTHER" && place_cert claude.ai
	} >"$PLACE/openssl.log" 2>&1 || {
		cat "$PLACE/openssl.log" >&2
		return 1
	}
}

# --- namespaces -----------------------------------------------------------------------------------

# Runs inside the new mount namespace: everything that awsmask or a trust store writes becomes private.
place_mounts() {
	local dir
	mkdir -p "$PLACE/mnt" && mount -t tmpfs -o mode=0755 tmpfs "$PLACE/mnt" || return 1
	for dir in etc var/lib usr/local/share; do
		mkdir -p "$PLACE/mnt/u/$dir" "$PLACE/mnt/w/$dir" &&
			mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$PLACE/mnt/u/$dir,workdir=$PLACE/mnt/w/$dir" \
				"/$dir" || return 1
	done
	# A vault or configuration of an installed awsmask is none of ours.
	rm -rf /etc/awsmask /var/lib/awsmask
	mount -t tmpfs -o mode=0755 tmpfs /run && mkdir -p /run/lock || return 1
	grep -q '^awsmask:' /etc/passwd || {
		echo 'awsmask:x:64911:64911::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
		echo 'awsmask:x:64911:' >>/etc/group
	}
	# Small, so that it can be filled up; as the daemon would make it.
	mkdir -p /var/lib/awsmask &&
		mount -t tmpfs -o "mode=1771,gid=$(id -g awsmask),size=32m" tmpfs /var/lib/awsmask || return 1
	mount -t tmpfs -o mode=0755,size=32m tmpfs /var/log || return 1
	mount -t bpf bpf /sys/fs/bpf || return 1
	rm -f /etc/hosts /etc/resolv.conf
	printf '%s\n' "127.0.0.1 localhost" "::1 localhost" "$ORIGIN4 $TARGET claude.ai $OTHER proxy.example" \
		>/etc/hosts || return 1
	echo "nameserver 127.0.0.1" >/etc/resolv.conf
	# Hooks for other programs' stores (Java's takes a second) are not what is tested.
	rm -rf /etc/ca-certificates/update.d
	place_trust_origin
}

place_trust_origin() {
	if command -v update-ca-certificates >/dev/null; then
		mkdir -p /usr/local/share/ca-certificates &&
			cp "$PLACE/origin-ca.pem" /usr/local/share/ca-certificates/awsmt-origin.crt &&
			sed -i 's/^[^!#]/!&/' /etc/ca-certificates.conf && update-ca-certificates >/dev/null 2>&1
	else
		cp "$PLACE/origin-ca.pem" /etc/pki/ca-trust/source/anchors/awsmt-origin.pem &&
			update-ca-trust >/dev/null 2>&1
	fi
}

# A process that keeps a namespace: its mounts are made, then it says so and waits to be killed.
place_keeper() {
	PLACE=$1
	# shellcheck source=/dev/null
	. "$PLACE/vars"
	if [ "$2" = host ]; then
		place_mounts || exit 1
	fi
	ip link set lo up && sysctl -qw net.ipv6.conf.default.accept_dad=0 2>/dev/null
	echo "$BASHPID" >"$PLACE/$2.pid.new" && mv "$PLACE/$2.pid.new" "$PLACE/$2.pid"
	exec sleep infinity
}

place_namespaces() {
	local which
	for which in host origin; do
		in_background "$PLACE/$which.log" keep unshare -n -m --propagation private \
			bash -c '. "$1"; place_keeper "$2" "$3"' bash "$LIB_DIR/lib.bash" "$PLACE" "$which"
	done
	for which in host origin; do
		place_wait 20 test -s "$PLACE/$which.pid" || {
			place_say "place: the $which's namespaces did not come up:" "$(cat "$PLACE/$which.log")"
			return 1
		}
	done
	local host origin
	host=$(<"$PLACE/host.pid") origin=$(<"$PLACE/origin.pid")
	ip link add eth0 netns "$host" type veth peer name eth0 netns "$origin" || return 1
	place_address "$host" $HOST4/24 $HOST6/64 && place_address "$origin" $ORIGIN4/24 $TWIN4/24 $ORIGIN6/64
}

place_address() { # PID ADDRESS...
	local pid=$1 address nodad
	shift
	nsenter -t "$pid" -n ip link set eth0 up || return 1
	for address; do
		nodad=
		[[ $address != *:* ]] || nodad=nodad
		nsenter -t "$pid" -n ip addr add "$address" dev eth0 $nodad || return 1
	done
}

# --- the place ------------------------------------------------------------------------------------

place_cgroups() {
	local name
	for name in keep origin twin client direct admin "$DAEMON_CGROUP"; do
		mkdir -p "$PLACE_CGROUP/$name" || return 1
	done
}

place_new() {
	if [ "$(id -u)" != 0 ]; then
		place_say "place: root is needed for namespaces, cgroups and bpf; run this with sudo"
		return 1
	fi
	place_sweep
	local mount n=1
	mount=$(cgroup2_mount)
	[ -n "$mount" ] || {
		place_say "place: no cgroup2 is mounted; mount one with 'mount -t cgroup2 none /sys/fs/cgroup'"
		return 1
	}
	until mkdir "${TMPDIR:-/tmp}/awsmt-$AWSMT_RUN-$n" 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 1000 ] || return 1
	done
	PLACE_NAME=awsmt-$AWSMT_RUN-$n
	PLACE=${TMPDIR:-/tmp}/$PLACE_NAME
	PLACE_CGROUP=$mount/$PLACE_NAME
	export PLACE PLACE_NAME PLACE_CGROUP
	chmod 0755 "$PLACE"
	declare -p PLACE_NAME PLACE_CGROUP >"$PLACE/vars"
	mkdir -p "$PLACE/log" "$PLACE/twin" &&
		place_cgroups && place_certs && place_namespaces && place_origin_start || {
		place_end
		return 1
	}
}

place_origin_start() {
	origin_start origin log --address $ORIGIN4 --address $ORIGIN6 && origin_start twin twin --address $TWIN4
}

origin_start() { # CGROUP LOG ADDRESS...
	local cgroup=$1 log=$PLACE/$2
	shift 2
	rm -f "$PLACE/$cgroup.ready"
	in_background "$PLACE/$cgroup.log" "$cgroup" nsenter -t "$(<"$PLACE/origin.pid")" -n -- \
		python3 -B "$LIB_DIR/origin.py" --certs "$PLACE/certs" --log "$log" --ready "$PLACE/$cgroup.ready" "$@"
	place_wait 20 test -s "$PLACE/$cgroup.ready" || {
		place_say "place: the $cgroup did not start:" "$(cat "$PLACE/$cgroup.log")"
		return 1
	}
}

place_origin_stop() {
	place_kill origin && place_kill twin
}

place_kill() { # CGROUP: kill what is in it, and wait until it is gone
	local dir=$PLACE_CGROUP/$1
	[ -d "$dir" ] || return 0
	if [ -e "$dir/cgroup.kill" ]; then
		echo 1 >"$dir/cgroup.kill"
	else # before Linux 5.14
		find "$dir" -name cgroup.procs -exec awk '{ system("kill -9 " $1) }' {} +
	fi
	place_wait 10 grep -q '^populated 0' "$dir/cgroup.events"
}

place_end() {
	[ -n "${PLACE:-}" ] && [ -d "$PLACE" ] || return 0
	# shellcheck source=/dev/null
	[ -r "$PLACE/vars" ] && . "$PLACE/vars"
	if [ -d "${PLACE_CGROUP:-}" ]; then
		place_kill . && find "$PLACE_CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
	fi
	[ -z "${PLACE_KEEP:-}" ] && rm -rf "$PLACE"
	unset PLACE
}

# Places whose owner died without ending them.
place_sweep() {
	local dir owner
	for dir in "${TMPDIR:-/tmp}"/awsmt-*-*/; do
		owner=${dir%/} owner=${owner##*/awsmt-} owner=${owner%%-*}
		[[ $owner =~ ^[0-9]+$ ]] && ! kill -0 "$owner" 2>/dev/null && (PLACE=${dir%/} PLACE_KEEP='' place_end)
	done
	return 0
}

# What is still there of the places of this run (or of run $1): one line each, none is good.
place_leftovers() {
	local run=awsmt-${1:-$AWSMT_RUN}- mount
	mount=$(cgroup2_mount)
	find "$mount" -maxdepth 2 -type d -name "$run*"
	find "${TMPDIR:-/tmp}" -maxdepth 1 -name "$run*"
	grep -F "$run" /proc/self/mountinfo
	ps -eo pid=,args= | grep -F "/$run" | grep -v grep
	return 0
}

# --- commands in the place ------------------------------------------------------------------------

place_in() { # CGROUP CMD...: on the host, with an environment that says nothing of us
	local cgroup=$1
	shift
	in_cgroup "$cgroup" timeout -k 2 "${PLACE_TIMEOUT:-60}" nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$PLACE" LANG=C.UTF-8 \
		${PLACE_ENV:+"${PLACE_ENV[@]}"} "$@"
}

place_client() {
	place_in client "$@"
}

place_direct() {
	place_in direct "$@"
}

# The same on this terminal: no new session, the environment's TERM kept, and in the directory that we are in.
place_client_here() {
	in_cgroup client nsenter -t "$(<"$PLACE/host.pid")" -n -m --wd="$PWD" -- \
		env "HOME=$PLACE" ${PLACE_ENV:+"${PLACE_ENV[@]}"} "$@"
}

# Outside of awsmask, and all names lead to the twin.
place_twin() {
	printf '%s\n' "127.0.0.1 localhost" "$TWIN4 $TARGET claude.ai $OTHER proxy.example" >"$PLACE/twin.hosts"
	place_in direct unshare -m --propagation private \
		sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$PLACE/twin.hosts" "$@"
}

place_as() { # UID CMD...: an enrolled command under another uid
	local uid=$1
	shift
	place_in client setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

place_ctl() {
	place_in admin "$BUILD/awsmaskctl" "$@"
}

# --- the daemon -----------------------------------------------------------------------------------

# Start awsmaskd, with $PLACE/awsmask.yaml when it is there and the default settings otherwise: place_daemon_start
# [OPTION...]. PLACE_AWSMASKD is another program than the build's.
place_daemon_start() {
	local config=$PLACE/awsmask.yaml
	[ -e "$config" ] || : >"$config"
	in_background "$PLACE/daemon.log" "$DAEMON_CGROUP" nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 INVOCATION_ID="$PLACE_NAME" \
		ASAN_OPTIONS="${ASAN_OPTIONS:-abort_on_error=0:detect_leaks=1}" \
		UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}" TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=0}" \
		setpriv --bounding-set "-all,$(service_capabilities)" \
		"${PLACE_AWSMASKD:-$BUILD/awsmaskd}" --config "$config" "$@"
	place_wait "${PLACE_START_TIMEOUT:-30}" place_daemon_decided
	place_ctl status >/dev/null 2>&1 || {
		place_say "place: awsmaskd did not come up:" "$(tail -n 40 "$PLACE/daemon.log")"
		return 1
	}
}

# What the service file leaves to the daemon, as setpriv wants it (+bpf,+net_admin ...), and what it takes to start
# workers itself, which under systemd are another unit's.
service_capabilities() {
	printf '+setuid,+setgid,+setpcap,+kill,+chown,+sys_resource,'
	sed -n 's/^CapabilityBoundingSet=//p' "$REPO/deploy/systemd/awsmaskd.service.in" |
		tr '[:upper:] ' '[:lower:],' | sed 's/cap_/+/g'
}

# It answers, or it is gone.
place_daemon_decided() {
	place_ctl status || {
		grep -q '^populated 0' "$PLACE_CGROUP/$DAEMON_CGROUP/cgroup.events" && [ -s "$PLACE/daemon.log" ]
	}
}

# The daemon's processes, as "PID UID PARENT" lines. Numbers say nothing of age: they wrap around.
daemon_processes() {
	local pid
	while read -r pid; do
		awk -v pid="$pid" '/^PPid:/ { parent = $2 } /^Uid:/ { print pid, $2, parent }' "/proc/$pid/status" 2>/dev/null
	done <"$PLACE_CGROUP/$DAEMON_CGROUP/cgroup.procs"
}

# Root's.
monitor_of() {
	daemon_processes | awk '$2 == 0 { print $1 }'
}

# Those that read the network, the youngest last.
workers_of() {
	local pid
	while read -r pid _; do
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q '^awsmaskd --worker [0-9]' 2>/dev/null &&
			echo "$(awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$pid/stat") $pid"
	done 2>/dev/null < <(daemon_processes) | sort -n | cut -d' ' -f2
}

worker_of() {
	workers_of | tail -n 1
}

another_worker() { # PID: whether one serves that is not this
	local now
	now=$(worker_of)
	[ -n "$now" ] && [ "$now" != "$1" ]
}

# Their parent.
host_of() {
	local pid
	while read -r pid _; do
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q '^awsmaskd --worker-host ' && echo "$pid"
	done 2>/dev/null < <(daemon_processes)
}

# SIGTERM, and up to 15 seconds to obey.
place_daemon_stop() {
	local pid
	for pid in $(monitor_of); do # one that another took over from may still finish
		kill -TERM "$pid" || true
	done
	place_wait 15 grep -q '^populated 0' "$PLACE_CGROUP/$DAEMON_CGROUP/cgroup.events" || {
		place_say "place: awsmaskd did not stop within 15 seconds"
		place_kill $DAEMON_CGROUP
		return 1
	}
}

place_trust() {
	place_ctl ca install >"$PLACE/trust.log" 2>&1 || {
		cat "$PLACE/trust.log" >&2
		return 1
	}
}

place_enroll() {
	place_ctl enroll "$PLACE_CGROUP/client" >/dev/null
}

# The daemon as an administrator would set it up.
place_daemon() {
	place_daemon_start "$@" && place_trust && place_enroll
}

# What a sanitizer had to say; nothing is good.
place_sanitizer() {
	grep -hE 'ERROR: (Address|Leak|Undefined)|WARNING: ThreadSanitizer|runtime error:' "$PLACE/daemon.log"
}

# --- what the origin received ---------------------------------------------------------------------

# A scenario of the SDK: place_sdk HOW SCENARIO TEXT, where HOW is place_client or place_twin
place_sdk() {
	local how=$1 PLACE_ENV
	shift
	PLACE_ENV=("NODE_EXTRA_CA_CERTS=$(trust_bundle)")
	"$how" node "$LIB_DIR/sdk.mjs" "$REPO/build/npm/sdk" "$@"
}

# The trust store in one file, for clients that bring their own: at the same path here and in a place.
trust_bundle() {
	ls /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt 2>/dev/null | head -n 1
}

# Packages from npm, kept below build/ from run to run: npm_packages DIR PACKAGE...; says where nothing came from.
npm_packages() {
	local dir=$REPO/build/npm/$1
	shift
	[ -e "$dir/.complete.$(printf '%s' "$*" | tr -c 'A-Za-z0-9.@' _)" ] && return 0
	command -v npm >/dev/null || {
		place_say "npm is not installed"
		return 1
	}
	mkdir -p "$dir"
	# Node has roots of its own; behind a proxy that opens TLS, npm has to trust what the host trusts.
	NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$(trust_bundle)} timeout 300 npm install --prefix "$dir" --no-fund --no-audit --loglevel=error "$@" >"$dir/npm.log" 2>&1 &&
		touch "$dir/.complete.$(printf '%s' "$*" | tr -c 'A-Za-z0-9.@' _)" || {
		place_say "npm could not install $*:" "$(tail -n 5 "$dir/npm.log")"
		return 1
	}
}
SDK_PACKAGE=@anthropic-ai/sdk@1.11.0
CLAUDE_PACKAGE=@anthropic-ai/claude-code@2.1.329
export SDK_PACKAGE CLAUDE_PACKAGE

# Files in which one of the values stands, of everything that the origin received; none is good.
place_leaks() {
	LC_ALL=C grep -rlaiF -f <(printf '%s\n' "$@") "$PLACE/log" --include='*.raw' --include='*.head' \
		--include='*.body' --include='*.plain'
	[ ! -e "$PLACE/log/trouble" ] || echo "$PLACE/log/trouble"
}

# The newest request's file of that kind (head, body, plain, json).
place_received() {
	find "$PLACE/log" -name "*.$1" -regex '.*/[0-9]+\.[a-z]+' | sort | tail -n 1
}

# How many requests the origin has had.
place_requests() {
	find "$PLACE/log" -name '*.head' | wc -l
}
