#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Static checks: tools/check.sh [--fast] BUILD. Each prints what is wrong; the exit status is 1 if any did.
#
#   format, sizes of functions and files, README's table of the source, shellcheck, manual pages, purity of
#   BUILD/libawsmask.a
#   and, without --fast: clang-tidy and cppcheck
set -u
cd "$(dirname "$0")/.." || exit 1

fast=
[ "${1:-}" = --fast ] && fast=1 && shift
build=${1:?"which build directory? (tools/check.sh [--fast] BUILD)"}
wrong=0

mapfile -t sources < <(git ls-files '*.c' '*.h' '*.def')
mapfile -t product < <(git ls-files 'user/*.c' 'user/*.h' 'bpf/*.c' 'bpf/*.h')
mapfile -t scripts < <(git ls-files '*.sh' '*.bash' '*.bats' tests/run .ci/run deploy/ci/awsmask-job \
	'deploy/ci/buildkite/*')

check() { # TITLE CMD...
	local title=$1
	shift
	if "$@"; then
		echo "ok      $title"
	else
		echo "not ok  $title"
		wrong=1
	fi
}

check_format() {
	local files
	mapfile -t files < <(printf '%s\n' "${sources[@]}" | grep -v '\.def$')
	clang-format --dry-run -Werror --style=file "${files[@]}" 2>&1 | head -n 100
	return "${PIPESTATUS[0]}"
}

# A function in this formatting begins with a "{" in the first column and ends with a "}" there.
check_sizes() {
	awk -v most=60 -v lines=500 '
		FNR == 1 { depth = 0 }
		/^\{/ { start = FNR }
		/^\}/ && start { if (FNR - start - 1 > most) {
			printf "%s:%d: a function of %d lines (at most %d)\n", FILENAME, start, FNR - start - 1, most; bad = 1 }
			start = 0 }
		FNR == lines + 1 { printf "%s: more than %d lines\n", FILENAME, lines; bad = 1 }
		END { exit bad }' "${product[@]}"
}

check_words() { # markers of unfinished work
	! git grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -- ':!tools/check.sh' ':!LICENSE'
}

# README's table of the source names each header of the program, itself or by a pattern, below its directory's row, and
# nothing that is not there.
check_map() {
	local dir named wrong=0
	for dir in user/*; do
		named=$(awk -v title="**\`$dir\`**" '/^\| \*\*/ { on = index($0, title) } on' README.md |
			grep -oE '`[a-z_*]+\.(c|h|def)`' | tr -d '\`')
		# shellcheck disable=SC2086 # patterns
		(cd "$dir" && ls $named >/dev/null && ! comm -23 <(ls -- *.h | sort) <(ls $named | sort) |
			sed "s|.*|README.md: the table of the source lacks $dir/&|" | grep .) || wrong=1
	done
	return $wrong
}

check_spdx() {
	awk 'FNR == 1 { found = 0 }
		/SPDX-License-Identifier: / { found = 1 }
		FNR == 2 { if (!found) { print FILENAME ": no SPDX-License-Identifier in its first two lines"; bad = 1 }
			nextfile }
		END { exit bad }' "${sources[@]}" "${scripts[@]}"
}

check_scripts() {
	shellcheck -S warning -x -P SCRIPTDIR "${scripts[@]}"
}

# What the pure directories need from outside must be in the list: no I/O, no clock, no locale, no threads.
# llhttp's objects are somebody else's (its debugging aid prints), but what they define counts as known.
check_purity() {
	local archive=$build/libawsmask.a allow alien objects
	[ -e "$archive" ] || make -s "$archive" || return 1
	objects=("$build"/user/{mask,wire}/*.o)
	allow=$(sed -E 's/#.*//; s/[[:space:]]+$//; /^$/d' tools/purity.allow | paste -sd'|')
	alien=$(comm -23 <(nm -u "${objects[@]}" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u) \
		<(nm --defined-only "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u) |
		grep -vxE "$allow")
	[ -z "$alien" ] || {
		echo "libawsmask.a must be pure, but needs (tools/purity.allow has what it may):"
		nm -A -u "${objects[@]}" 2>/dev/null | grep -wF "$alien"
	}
	check_globals "${objects[@]}" && [ -z "$alien" ]
}

# Nor may they keep state: nothing writable of static storage. Tables of pointers (.data.rel.ro) are constant.
check_globals() {
	local state
	state=$(objdump -t "$@" 2>/dev/null | awk '
		/file format/ { object = $1 }
		/\t/ && match($0, / [^ \t]+\t/) {
			section = substr($0, RSTART + 1, RLENGTH - 2)
			if (section ~ /^(\*COM\*|\.t?bss|\.t?data)/ && section !~ /^\.data\.rel\.ro/ && $NF != section)
				print object, section, $NF
		}')
	[ -z "$state" ] || {
		echo "libawsmask.a must have no writable globals:"
		echo "$state"
		return 1
	}
}

check_tidy() {
	# shellcheck disable=SC2046 # a list of words
	git ls-files 'user/*.c' | xargs -P2 -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- \
		$(compile_flags) 2>"$build/clang-tidy.log" >"$build/clang-tidy.out"
	# The generated skeleton is bpftool's.
	! grep -E '^[^ ].*(error|warning):' "$build/clang-tidy.out" | grep -v '/awsmask\.skel\.h:'
}

compile_flags() {
	echo "-std=gnu11 -D_GNU_SOURCE -DAWSMASK_VERSION=\"0\" -Iinclude -isystem $build" \
		"$(pkg-config --cflags libuv openssl libnl-3.0 libnl-route-3.0 yaml-0.1 jansson libsystemd 2>/dev/null)" \
		"-isystem /usr/share/llhttp -isystem /usr/share/include/llhttp"
}

check_cppcheck() {
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=readdirCalled \
		--suppress=getpwnamCalled --suppress=getpwuidCalled --suppress=normalCheckLevelMaxBranches --library=posix -j2 \
		-D_GNU_SOURCE -DAWSMASK_VERSION='"0"' -D__x86_64__ -Iinclude user 2>&1
}

# Every page, the generated one too: whatever man(1) warns of.
check_man() {
	local page status=0 warnings
	make -s "$build/awsmask-catalogue.7" || return 1
	for page in deploy/man/*.[1-8] "$build/awsmask-catalogue.7"; do
		warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
		[ -z "$warnings" ] || {
			echo "$page: $warnings"
			status=1
		}
	done
	return $status
}

check "format" check_format
check "functions of at most 60 lines, files of at most 500" check_sizes
check "README names each header" check_map
check "licence lines" check_spdx
check "nothing unfinished" check_words
check "shellcheck" check_scripts
check "libawsmask.a is pure" check_purity
check "manual pages" check_man
if [ -z "$fast" ]; then
	check "clang-tidy" check_tidy
	check "cppcheck" check_cppcheck
fi
exit $wrong
