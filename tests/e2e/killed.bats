#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The monitor is killed, and started again with the descriptors that were kept for it, as systemd does: whoever was
# accepted in vain is answered by the next one.

load helpers

setup_file() {
	place_new && : >"$PLACE/awsmask.yaml"
	PLACE_AWSMASKD=$LIB_DIR/keeper.py place_daemon_start "$BUILD/awsmaskd" "$PLACE_CGROUP" "$PLACE/monitor"
	place_trust && place_enroll
}

monitor() {
	cat "$PLACE/monitor"
}

another_monitor() { # PID
	[ "$(monitor)" != "$1" ] && place_ctl status
}

# What the worker has accepted, and whether it has read what the clients of these have sent.
accepted() { # COUNT
	[ "$(place_in admin ss -Htn state established "( sport = :15443 )" | wc -l)" -ge "$1" ] &&
		place_in admin ss -Hltn "( sport = :15443 )" | awk '$2 { waits = 1 } END { exit waits }'
}

heard() { # COUNT
	place_in admin ss -HtniO state established "( sport = :15443 )" |
		awk -v n="$1" '!$1 && /bytes_received:/ { heard++ } END { exit heard < n }'
}

# So many ask, and are accepted, while the monitor says nothing; sets before and asking.
ask_who_stands_still() { # SEED COUNT
	before=$(monitor)
	kill -STOP "$before"
	streams "$1" "$2" "$2" 1 3>&- &
	asking=$!
	place_wait 10 accepted "$2"
}

@test "accepted while the monitor stood still, then it was killed: all are answered, and masked" {
	works
	ask_who_stands_still 7 30
	kill -KILL "$before"
	wait $asking
	for n in $(seq 30); do
		joined "$T/answer.$n" | grep -qF "$(value_of 7 "$n")"
	done
	no_leak "$(value_of 7 1)" "$(value_of 7 30)"
}

@test "known, but without a certificate when it was killed: the next one makes it" {
	before=$(monitor)
	place_client python3 -B "$LIB_DIR/crowd.py" late claude.ai 5 "$T/hold" >"$T/late" 3>&- &
	late=$!
	place_wait 10 test -e "$T/hold"
	place_wait 10 accepted 5
	place_ctl status >/dev/null # asked behind them
	kill -STOP "$before"
	rm "$T/hold"
	place_wait 10 heard 5
	kill -KILL "$before"
	wait $late
	expect "so many were answered" 5 "$(cat "$T/late")"
}

@test "killed again and again amid streams and new connections: none is cut, none is reset" {
	begin_load 10 1
	for _ in $(seq "${AWSMT_MONITORS:-4}"); do
		before=$(monitor)
		kill -KILL "$before"
		place_wait 15 another_monitor "$before"
	done
	end_load
	works
}

keeper() {
	pgrep -f "keeper.py.*$PLACE/monitor"
}

@test "restarted while its worker stands still for longer than it waits: none is cut, none is reset" {
	begin_load 10 1
	before=$(monitor) worker=$(worker_of)
	kill -STOP "$worker"
	kill -HUP "$(keeper)"
	place_wait 15 another_monitor "$before"
	kill -CONT "$worker"
	end_load
}

@test "where no next one comes they are let go, and do not wait for ever" {
	ask_who_stands_still 8 5
	# As when the service is stopped: nothing is kept any more.
	kill -KILL "$(keeper)"
	kill -KILL "$before"
	place_wait 5 fails kill -0 $asking
	fails wait $asking
	place_wait 10 grep -q '^populated 0' "$PLACE_CGROUP/$DAEMON_CGROUP/cgroup.events"
}

@test "no sanitizer complained" {
	sanitizer_silent
}
