#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel side on another kernel: run.sh BUILD boots a kernel of this distribution in a virtual machine, with
# nothing in it but these tests. By default the release's own kernel; KERNEL=FILE boots that one instead, and
# ACCEL=kvm does it at full speed where this machine is a real one.
#
# The packages of kernel and emulator are not needed for anything else, so they are fetched here: the emulator is
# installed, the kernel is only unpacked below build/qemu. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${1:-build/plain}
HERE=build/qemu
SECONDS_MAX=${SECONDS_MAX:-600}
PROGRAMS=("$BUILD"/bpf/test_bpf "$BUILD"/unit/test_{features,sandbox,confine})

die() {
	echo "test-kernel: $*" >&2
	echo "0 passed, 1 failed"
	exit 1
}

need_emulator() {
	command -v qemu-system-x86_64 >/dev/null && return
	echo "test-kernel: installing qemu-system-x86, which runs the other kernel"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-system-x86 >/dev/null ||
		die "qemu-system-x86_64 is missing and cannot be installed: install it by hand, as root"
}

# Not installed: this host is to go on booting its own.
need_kernel() {
	local package
	[ -z "${KERNEL:-}" ] || return 0
	if ! compgen -G "$HERE/root/boot/vmlinuz-*" >/dev/null; then
		package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image/ { print $2; exit }')
		[ -n "$package" ] || die "apt knows no linux-image-cloud-amd64: run apt-get update, or name a kernel by KERNEL=FILE"
		echo "test-kernel: fetching $package, to be unpacked below $HERE"
		(cd "$HERE" && apt-get download -qq "$package" 2>/dev/null && dpkg -x "$package"_*.deb root && rm "$package"_*.deb) ||
			die "$package cannot be fetched: name another kernel by KERNEL=FILE"
	fi
	KERNEL=$(compgen -G "$HERE/root/boot/vmlinuz-*" | sort -V | tail -n 1)
}

# A program and the libraries that it names, at the same places.
put() { # PROGRAM DIRECTORY-IN-ROOT
	local library
	install -D -m 0755 "$1" "$ROOT/$2/${1##*/}" || return 1
	while read -r library; do
		[ -e "$ROOT$library" ] || install -D -m 0755 "$library" "$ROOT$library" || return 1
	done < <(ldd "$1" | grep -oE '/[^ ]+')
}

make_root() {
	local program
	ROOT=$(mktemp -d "$PWD/$HERE/initramfs.XXXXXX") || return 1
	trap 'rm -rf "$ROOT" "$HERE/initrd.$$"' EXIT
	mkdir -p "$ROOT"/{proc,sys,dev,tmp,root,run,home,var,etc/ssl/certs} && chmod 1777 "$ROOT/tmp" && chmod 0700 "$ROOT/root" || return 1
	printf '%s\n' root:x:0:0::/: nobody:x:65534:65534::/: >"$ROOT/etc/passwd"
	echo "127.0.0.1 localhost" >"$ROOT/etc/hosts" && echo other >"$ROOT/etc/hostname"
	echo 'root:!:1::::::' >"$ROOT/etc/shadow" && chmod 0600 "$ROOT/etc/shadow"
	for program in bash mount mkdir sleep true ip; do
		put "$(type -P "$program")" bin || return 1
	done
	put "$(type -P env)" usr/bin && ln -s bash "$ROOT/bin/sh" || return 1
	for program in "${PROGRAMS[@]}"; do
		put "$program" tests || return 1
	done
	install -m 0755 tests/qemu/init "$ROOT/init" && python3 -B tests/qemu/cpio.py "$ROOT" | gzip -1 >"$HERE/initrd.$$"
}

# Emulated by default: inside of a virtual machine, kvm may be there and yet fail half way.
boot() {
	timeout -k 10 "$SECONDS_MAX" qemu-system-x86_64 -accel "${ACCEL:-tcg}" -cpu max -smp 2 -m 1024 -nographic -no-reboot \
		-nic none -kernel "$KERNEL" -initrd "$HERE/initrd.$$" -append "console=ttyS0 quiet panic=-1" </dev/null
}

# What the programs said, without the machine's own noise; then the sum.
judge() {
	tr -d '\r' <"$1" | sed -E 's/\x1b(c|\[[0-9;?]*[a-zA-Z])//g' | awk '
		/^(kernel|begin|ok|not ok|#|end) / || /\[FAIL|\[----\] / { print }
		/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3 }
		/Synthesis: Tested:/ { for (i = 1; i <= NF; i++) {
			if ($i == "Tested:") t = $(i + 1); if ($i == "Passing:") p = $(i + 1) }
			passed += p; failed += t - p }
		/^end / { ended++; if ($3 != 0) bad++ }
		/^over/ { over = 1 }
		END {
			if (bad && !failed) failed = bad
			if (!over || ended != programs) { print "# it did not get to its end"; failed++ }
			print passed + 0 " passed, " failed + 0 " failed"
			exit failed || !passed
		}' programs=${#PROGRAMS[@]}
}

[ "$(uname -m)" = x86_64 ] || die "it is made for x86-64 alone"
mkdir -p "$HERE" || exit 1
need_emulator
need_kernel
make_root || die "the machine's file system cannot be made"
boot >"$HERE/console.log" 2>&1
judge "$HERE/console.log"
