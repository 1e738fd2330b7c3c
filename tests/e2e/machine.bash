# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A machine with a systemd of its own: files below an overlay, booted by systemd-nspawn without a network. Whatever is
# written, installed or attached there is gone with it. For scripts that say, before anything else,
#
#   . tests/e2e/machine.bash && machine_begin "$@"
#
# and put files below $ROOT, then machine_boot. machine_end is called when they exit. The files are this host's, or,
# with machine_base before machine_begin, those of a bare system.

# shellcheck source=tests/e2e/cases.bash
. "$(dirname "${BASH_SOURCE[0]}")/cases.bash"

VALUE=i-0c5d19e7f2ab38640 ADDRESS=198.51.100.7 TARGET=api.anthropic.com
MACHINE_OPTIONS=() # of systemd-nspawn, too
INSTALLED_BY_HAND=(usr/local/sbin/awsmaskd usr/local/sbin/awsmaskctl)

needs_root() {
	[ "$(id -u)" = 0 ] || {
		echo "this test needs root, for mounts and namespaces: sudo $0" >&2
		exit 1
	}
}

# This host's distribution with these packages and no others; made once, and kept below build/.
machine_base() { # PACKAGE...
	local packages codename
	needs_root
	packages=$(printf '%s\n' dbus procps iproute2 python3 "$@" | sort -u)
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	MACHINE_BASE=$PWD/build/machine/$codename-$(sha256sum <<<"$packages" | cut -c1-12)
	[ -e "$MACHINE_BASE.complete" ] && return
	rm -rf build/machine && mkdir -p build/machine
	# shellcheck disable=SC2086 # a list of words
	{ debootstrap --variant=minbase --include=systemd,systemd-sysv "$codename" "$MACHINE_BASE" &&
		systemd-nspawn --quiet --register=no --keep-unit --console=pipe --directory="$MACHINE_BASE" \
			--setenv=DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages &&
		rm -f "$MACHINE_BASE"/var/cache/apt/archives/*.deb; } >build/machine/log 2>&1 </dev/null &&
		touch "$MACHINE_BASE.complete" && return
	tail -n 5 build/machine/log
	return 1
}

machine_begin() {
	needs_root
	case ${1:-} in
	--inside) ;;
	'') exec unshare --mount --propagation private "$0" --inside ;;
	*)
		echo "there is no argument '$1': $0 takes none" >&2
		exit 2
		;;
	esac
	MACHINE=awsmask-machine-$$
	WORK=${TMPDIR:-/tmp}/$MACHINE
	ROOT=$WORK/root
	trap machine_end EXIT
	trap 'exit 130' INT TERM
	# Of its own, so that machines side by side do not share the cgroups that their units are named after.
	CGROUP=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/$MACHINE
	mkdir "$CGROUP" || return 1
	mkdir -p "$WORK" && mount -t tmpfs tmpfs "$WORK" && mkdir "$WORK/upper" "$WORK/work" "$ROOT" &&
		mount -t overlay overlay -o "lowerdir=${MACHINE_BASE:-/},upperdir=$WORK/upper,workdir=$WORK/work" "$ROOT" || return 1
	[ -n "${MACHINE_BASE:-}" ] || forget_host
	rm -f "$ROOT/etc/hosts" "$ROOT/etc/machine-id"
	echo "$ADDRESS $TARGET" >"$ROOT/etc/hosts"
	: >"$ROOT/etc/machine-id"
}

# Nothing of what this host runs or keeps.
forget_host() {
	rm -rf "$ROOT"/etc/systemd/system/*.wants "$ROOT"/etc/awsmask "$ROOT"/var/lib/awsmask
	rm -f "${INSTALLED_BY_HAND[@]/#/$ROOT/}"
	sed -i '/^awsmask:/d' "$ROOT"/etc/passwd "$ROOT"/etc/group "$ROOT"/etc/shadow "$ROOT"/etc/gshadow
	# A policy that forbids services to start and stop is one of containers.
	rm -f "$ROOT/usr/sbin/policy-rc.d"
}

machine_end() {
	{ # what is killed here, the shell would say
		[ -z "${NSPAWN:-}" ] || echo 1 >"$CGROUP/cgroup.kill"
		wait
	} 2>/dev/null
	wait_for 60 grep -q '^populated 0' "$CGROUP/cgroup.events"
	find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
	umount -R "$WORK" 2>/dev/null
	rmdir "$WORK"
}

machine_boot() {
	local calls="bpf landlock_create_ruleset landlock_add_rule landlock_restrict_self"
	(echo "$BASHPID" >"$CGROUP/cgroup.procs" &&
		SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn --quiet \
			--directory="$ROOT" --machine="$MACHINE" --register=no --keep-unit --private-network --capability=all \
			--system-call-filter="$calls" --console=pipe "${MACHINE_OPTIONS[@]}" --boot -- --unit=multi-user.target \
			</dev/null >"$WORK/console" 2>&1) &
	NSPAWN=$!
	# The machine's /sys comes without what only the first machine may have; a mount of its own shows less, too.
	wait_for 120 find_init && wait_for 180 machine systemctl is-active multi-user.target &&
		machine sh -c 'mkdir -p /sys/fs/bpf && mount -t bpf bpf /sys/fs/bpf' && return 0
	echo "the machine did not boot:"
	tail -n 40 "$WORK/console"
	return 1
}

find_init() {
	INIT=$(pgrep -P "$NSPAWN" -x systemd)
}

wait_for() { # SECONDS CMD...
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}

# In the machine: its first process is the parent of none but its own.
machine() {
	timeout -k 2 600 nsenter -t "$INIT" --mount --uts --ipc --net --pid --cgroup -- \
		env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"
}

# The same in a cgroup of the machine.
as_unit() { # [OPTION...] CMD...
	machine systemd-run --quiet --pipe --wait --collect "$@" </dev/null
}

# A server that says what it got.
serve() {
	machine ip addr add "$ADDRESS/32" dev lo &&
		machine systemd-run --quiet --unit=origin python3 -c 'if True:
			import http.server
			class Echo(http.server.BaseHTTPRequestHandler):
			    def do_POST(self):
			        body = self.rfile.read(int(self.headers["content-length"]))
			        self.send_response(200)
			        self.send_header("content-length", str(len(body)))
			        self.send_header("content-type", "text/plain")
			        self.end_headers()
			        open("/run/seen", "wb").write(body)
			        self.wfile.write(body)
			http.server.HTTPServer(("198.51.100.7", 80), Echo).serve_forever()' &&
		wait_for 60 machine sh -c "ss -ltn | grep -q $ADDRESS:80"
}

# What came back to a client in this slice, and what the server saw.
ask() { # SLICE
	machine rm -f /run/seen
	as_unit --slice="$1" curl -sS --max-time 60 -H 'content-type: text/plain' -d "about $VALUE" "http://$TARGET/v1/x" &&
		echo && machine cat /run/seen
}

passes() { # [SLICE]
	local said
	said=$(ask "${1:-plain.slice}")
	[ "$said" = "about $VALUE"$'\n'"about $VALUE" ] || {
		echo "$said"
		return 1
	}
}

is_masked() { # [SLICE]
	local said
	said=$(ask "${1:-agents.slice}")
	[[ "$said" =~ ^"about $VALUE"$'\n'"about EC2_INSTANCE_"[0-9]+$ ]] || {
		echo "$said"
		return 1
	}
}

# The scripted origin beside the simple one, under the same name to those who have AT_SCRIPTED.
AT_SCRIPTED=(--property=BindReadOnlyPaths=/opt/load/hosts:/etc/hosts)

# Before the machine needs it: its files and its certificate.
scripted_prepare() {
	mkdir -p "$ROOT/opt/load/log" && cp tests/e2e/{origin,answers,message,steady}.py "$ROOT/opt/load/" &&
		echo "198.51.100.9 $TARGET" >"$ROOT/opt/load/hosts" &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$TARGET" \
			-addext "subjectAltName=DNS:$TARGET" -keyout "$ROOT/opt/load/$TARGET.key" \
			-out "$ROOT/opt/load/$TARGET.pem" 2>/dev/null
}

scripted_start() {
	machine ip addr replace 198.51.100.9/32 dev lo && machine rm -f /run/scripted &&
		machine systemd-run --quiet --collect --unit=scripted \
			python3 -B /opt/load/origin.py --certs /opt/load --log /opt/load/log --ready /run/scripted --address 198.51.100.9 &&
		wait_for 60 machine test -s /run/scripted
}

# Streams that go on from one to the next.
begin_load() { # AT-ONCE TENTHS-OF-A-SECOND
	scripted_start && machine rm -f /run/steady.said &&
		machine systemd-run --quiet --collect --unit=steady --slice=agents.slice "${AT_SCRIPTED[@]}" \
			--property=StandardOutput=file:/run/steady.said python3 -B /opt/load/steady.py $TARGET 80 "$1" /run/going "$2" &&
		wait_for 90 machine test -s /run/going || {
		machine journalctl --no-pager -n 5 -u scripted -u steady
		return 1
	}
}

# None was cut, none refused.
end_load() {
	machine rm /run/going
	wait_for 180 fails machine systemctl is-active steady
	machine cat /run/steady.said
	machine systemctl stop scripted
	machine grep -q '^[1-9][0-9]* answered, 0 failed$' /run/steady.said && return
	machine journalctl --quiet --no-pager -o short-precise -n 10 -g 'event=(request|flow)-refused|level=(warning|error|crit)'
	return 1
}

fails() {
	! "$@"
}
