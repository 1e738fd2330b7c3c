# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Cases of a script that is a test by itself: one line each, and a last line that counts them.

PASSED=0 FAILED=0

check() { # WHAT CMD...: in this shell; what it says is shown when it fails
	local what=$1 said
	shift
	said=$(mktemp) || return 1
	if "$@" >"$said" 2>&1; then
		PASSED=$((PASSED + 1))
		echo "ok      $what"
	else
		FAILED=$((FAILED + 1))
		echo "not ok  $what"
		tail -n 40 "$said" | sed 's/^/        /'
	fi
	rm -f "$said"
}

cases_sum() {
	echo "$PASSED passed, $FAILED failed"
	[ $FAILED = 0 ]
}
