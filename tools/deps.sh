#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install what building and testing need (--fleet: what packages and the Ansible role need, too; --bench: what the
# benchmark compares with; --metrics: Prometheus; --browser: Chromium; --neon: on Debian, a compiler for 64-bit ARM, and
# qemu to run what it makes). Does nothing, and asks nobody, when all of it is there.
set -eu

DEBIAN="build-essential pkg-config clang llvm clang-format clang-tidy cppcheck libclang-rt-14-dev
	bpftool libbpf-dev libelf-dev linux-libc-dev libssl-dev libpcre2-dev node-llhttp libuv1-dev
	libnl-3-dev libnl-route-3-dev libnl-idiag-3-dev libsqlite3-dev libyaml-dev libjansson-dev
	libcriterion-dev bats libseccomp-dev libcap-dev libsystemd-dev zlib1g-dev libdeflate-dev libisal-dev libncurses-dev
	iproute2 procps util-linux mount systemd systemd-container curl openssl ca-certificates python3 sqlite3 shellcheck git man-db sudo tmux"
# The same by the RHEL family's names (EPEL for criterion, bats and llhttp).
REDHAT="gcc make pkgconf-pkg-config clang llvm clang-tools-extra cppcheck compiler-rt
	bpftool libbpf-devel elfutils-libelf-devel kernel-headers openssl-devel pcre2-devel llhttp-devel libuv-devel
	libnl3-devel sqlite-devel libyaml-devel jansson-devel
	criterion-devel bats libseccomp-devel libcap-devel systemd-devel zlib-devel libdeflate-devel isa-l-devel ncurses-devel
	iproute procps-ng util-linux systemd systemd-container curl openssl ca-certificates python3 sqlite ShellCheck git man-db sudo tmux"

[ "${1:-}" != --fleet ] || {
	DEBIAN="$DEBIAN debhelper debootstrap lintian rpm rpmlint ansible-core ansible-lint prometheus mandoc"
	REDHAT="$REDHAT rpm-build rpmlint ansible-core ansible-lint golang-github-prometheus mandoc"
}

[ "${1:-}" != --bench ] || {
	DEBIAN="$DEBIAN nginx libnginx-mod-http-lua haproxy mitmproxy python3-fastapi python3-uvicorn python3-uvloop
		python3-httptools python3-httpx libhyperscan-dev"
	REDHAT="$REDHAT nginx haproxy hyperscan-devel python3-fastapi python3-uvicorn python3-httpx"
}

[ "${1:-}" != --metrics ] || {
	DEBIAN="$DEBIAN prometheus"
	REDHAT="$REDHAT golang-github-prometheus"
}

[ "${1:-}" != --browser ] || {
	DEBIAN="$DEBIAN chromium"
	REDHAT="$REDHAT chromium"
}

[ "${1:-}" != --neon ] || {
	DEBIAN="$DEBIAN gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
}

# The SDK's tests need Node; from wherever it came, it need not be the distribution's.
command -v npm >/dev/null || {
	DEBIAN="$DEBIAN nodejs npm"
	REDHAT="$REDHAT nodejs npm"
}

if command -v apt-get >/dev/null; then
	wanted=$DEBIAN
	is_there() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
	install() {
		export DEBIAN_FRONTEND=noninteractive # another apt, as on a machine that was just started, is waited for
		apt-get -o DPkg::Lock::Timeout=300 update -qq
		apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@" >/dev/null
	}
elif command -v dnf >/dev/null; then
	wanted=$REDHAT
	is_there() { rpm -q --whatprovides "$1" >/dev/null 2>&1; }
	install() {
		dnf install -y -q "$@" || {
			echo "deps: some of these are in EPEL, which needs CRB: dnf install epel-release && crb enable" >&2
			exit 1
		}
	}
else
	# shellcheck disable=SC2086 # a list of words
	echo "deps: neither apt-get nor dnf is here; install by hand:" $DEBIAN >&2
	exit 1
fi

missing=
for p in $wanted; do
	is_there "$p" || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
[ "$(id -u)" = 0 ] || {
	echo "deps: these packages are missing:$missing" >&2
	echo "deps: run 'sudo make deps' to install them" >&2
	exit 1
}
echo "deps: installing$missing"
# Some of these are services; none of them is to start here by itself.
if [ -n "${1:-}" ] && command -v apt-get >/dev/null && [ ! -e /usr/sbin/policy-rc.d ]; then
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 0755 /usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
# shellcheck disable=SC2086 # a list of words
install $missing
