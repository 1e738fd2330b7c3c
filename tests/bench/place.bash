# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the benchmark and the soak share: a place with an origin that keeps up. After tests/e2e/helpers.bash.

# Ours instead of the tests' origin, at the same address; and one for another name, at the twin's.
bench_origin() {
	place_origin_stop && "$BUILD/bench/load" values >"$PLACE/values" &&
		bench_origin_start origin $ORIGIN4 "$TARGET" && bench_origin_start twin $TWIN4 "$OTHER"
}

bench_origin_start() { # CGROUP ADDRESS NAME
	rm -f "$PLACE/bench-$1.ready"
	in_background "$PLACE/bench-$1.log" "$1" nsenter -t "$(<"$PLACE/origin.pid")" -n -- \
		"$BUILD/bench/origin" "$2" 443 "$PLACE/certs/$3.pem" "$PLACE/certs/$3.key" \
		"$PLACE/values" "$PLACE/bench-$1.ready"
	place_wait 10 test -e "$PLACE/bench-$1.ready" || {
		place_say "bench: the origin did not start:" "$(cat "$PLACE/bench-$1.log")"
		return 1
	}
}
