# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A machine with a systemd of its own: this host's files below an overlay, booted by systemd-nspawn without a network.
# Whatever is written, installed or attached there is gone with it. For scripts that say, before anything else,
#
#   . tests/e2e/machine.bash && machine_begin "$@"
#
# and put files below $ROOT, then machine_boot. machine_end is called when they exit.

# shellcheck source=tests/e2e/cases.bash
. "$(dirname "${BASH_SOURCE[0]}")/cases.bash"

VALUE=i-0c5d19e7f2ab38640 ADDRESS=198.51.100.7 TARGET=api.anthropic.com
INSTALLED_BY_HAND=(usr/local/sbin/awsmaskd usr/local/sbin/awsmaskctl)

machine_begin() {
	[ "$(id -u)" = 0 ] || {
		echo "this test needs root, for mounts and namespaces: sudo $0" >&2
		exit 1
	}
	[ "${1:-}" = --inside ] || exec unshare --mount --propagation private "$0" --inside
	MACHINE=awsmask-machine-$$
	WORK=${TMPDIR:-/tmp}/$MACHINE
	ROOT=$WORK/root
	trap machine_end EXIT
	trap 'exit 130' INT TERM
	# Of its own, so that machines side by side do not share the cgroups that their units are named after.
	CGROUP=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/$MACHINE
	mkdir "$CGROUP" || return 1
	mkdir -p "$WORK" && mount -t tmpfs tmpfs "$WORK" && mkdir "$WORK/upper" "$WORK/work" "$ROOT" &&
		mount -t overlay overlay -o "lowerdir=/,upperdir=$WORK/upper,workdir=$WORK/work" "$ROOT" || return 1
	# Nothing of what this host runs, keeps or is called.
	rm -rf "$ROOT"/etc/systemd/system/*.wants "$ROOT"/etc/awsmask "$ROOT"/var/lib/awsmask "$ROOT"/etc/machine-id
	rm -f "${INSTALLED_BY_HAND[@]/#/$ROOT/}"
	sed -i '/^awsmask:/d' "$ROOT"/etc/passwd "$ROOT"/etc/group "$ROOT"/etc/shadow "$ROOT"/etc/gshadow
	# A policy that forbids services to start and stop is one of containers.
	rm -f "$ROOT/etc/hosts" "$ROOT/usr/sbin/policy-rc.d"
	echo "$ADDRESS $TARGET" >"$ROOT/etc/hosts"
	: >"$ROOT/etc/machine-id"
}

machine_end() {
	{ # what is killed here, the shell would say
		[ -z "${NSPAWN:-}" ] || echo 1 >"$CGROUP/cgroup.kill"
		wait
	} 2>/dev/null
	wait_for 10 grep -q '^populated 0' "$CGROUP/cgroup.events"
	find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
	umount -R "$WORK" 2>/dev/null
	rmdir "$WORK"
}

machine_boot() {
	local calls="bpf landlock_create_ruleset landlock_add_rule landlock_restrict_self"
	(echo "$BASHPID" >"$CGROUP/cgroup.procs" &&
		SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn --quiet \
			--directory="$ROOT" --machine="$MACHINE" --register=no --keep-unit --private-network --capability=all \
			--system-call-filter="$calls" --console=pipe --boot -- --unit=multi-user.target \
			</dev/null >"$WORK/console" 2>&1) &
	NSPAWN=$!
	# The machine's /sys comes without what only the first machine may have; a mount of its own shows less, too.
	wait_for 30 find_init && wait_for 60 machine systemctl is-active multi-user.target &&
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
	timeout -k 2 300 nsenter -t "$INIT" --mount --uts --ipc --net --pid --cgroup -- \
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
		wait_for 10 machine sh -c "ss -ltn | grep -q $ADDRESS:80"
}

# What came back to a client in this slice, and what the server saw.
ask() { # SLICE
	machine rm -f /run/seen
	as_unit --slice="$1" curl -sS --max-time 10 -H 'content-type: text/plain' -d "about $VALUE" "http://$TARGET/v1/x" &&
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
