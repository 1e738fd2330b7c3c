#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The pure unit tests that need no library, compiled for 64-bit ARM and run by qemu: tests/neon/run.sh DIR
# What is done there for many bytes at once (*_neon.c) runs nowhere else.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/cases.bash
. tests/e2e/cases.bash
dir=${1:?"where to build? (tests/neon/run.sh DIR)"}
mkdir -p "$dir" || exit 1

cc=(aarch64-linux-gnu-gcc -static -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -Itests/neon)
# What these tests are about, and what that needs.
declare -A needs=(
	[buf]="buf"
	[propose]="propose* anchors edge follow* joint* kinds"
	[kinds]="kinds places* propose* anchors edge follow* joint*"
	[wide]="classes* jstr* buf"
	[known]="buf edge known* classes*"
	[fingerprint]="fingerprint*"
	[memo]="buf memo memo_policy fingerprint* policy edge known* classes* types"
)
build_and_run() { # TEST
	local name sources=()
	for name in ${needs[$1]}; do
		# shellcheck disable=SC2206 # a name may be several files'
		sources+=(user/mask/$name.c)
	done
	"${cc[@]}" -o "$dir/test_$1" "tests/unit/test_$1.c" "${sources[@]}" && qemu-aarch64 "$dir/test_$1"
}

for test in buf propose kinds wide known fingerprint memo; do
	check "test_$test on 64-bit ARM" build_and_run "$test"
done
cases_sum
