# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the benchmark and the soak share: a place with an origin that keeps up. After tests/e2e/helpers.bash.

# Ours instead of the tests' origin, at the same address.
bench_origin() {
	place_origin_stop && "$BUILD/bench/load" values >"$PLACE/values" || return 1
	in_background "$PLACE/bench-origin.log" origin nsenter -t "$(<"$PLACE/origin.pid")" -n -- \
		"$BUILD/bench/origin" $ORIGIN4 443 "$PLACE/certs/$TARGET.pem" "$PLACE/certs/$TARGET.key" \
		"$PLACE/values" "$PLACE/bench-origin.ready"
	place_wait 10 test -e "$PLACE/bench-origin.ready" || {
		place_say "bench: the origin did not start:" "$(cat "$PLACE/bench-origin.log")"
		return 1
	}
}
