#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# When nobody accepts, connects wait for a while, and are refused then.

load helpers

# No worker can start while the vault is something else.
vault_away() {
	place_in admin sh -c 'cd /var/lib/awsmask && mv vault.db vault.away && mkdir vault.db'
}

vault_back() {
	place_in admin sh -c 'cd /var/lib/awsmask && rmdir vault.db && mv vault.away vault.db'
}

# How long a client that is not answered waits, in seconds, and what curl says then.
refused_after() {
	local start=$SECONDS status=0
	ask here "https://$TARGET/text" --max-time 30 || status=$?
	echo "$((SECONDS - start)) $status"
}

# Another awsmaskd, for which systemd has kept a socket, and whose configuration never comes.
start_that_hangs() {
	mkfifo "$T/never.yaml"
	place_in admin sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=explicit exec "$@"' sh \
		"$BUILD/awsmaskd" --config "$T/never.yaml" 3</dev/null >"$T/hangs" 2>&1
}

@test "I1: without a worker connects wait ten seconds at most, and are refused then, until there is one" {
	works
	start_that_hangs &
	hangs=$!
	vault_away
	kill -9 "$(worker_of)"
	read -r seconds status < <(refused_after)
	echo "the first: after $seconds s, curl says $status"
	[ "$seconds" -ge 8 ] && [ "$seconds" -le 14 ]
	[ "$status" = 35 ] || [ "$status" = 56 ] # it was connected, and reset
	grep -q 'event=listeners-withdrawn' "$PLACE/daemon.log"
	read -r seconds status < <(refused_after)
	echo "the next: after $seconds s, curl says $status"
	[ "$seconds" -le 2 ] && [ "$status" = 7 ]
	vault_back
	place_wait 2 works
	status=0
	wait $hangs || status=$?
	expect "the status of one that hangs while it starts" 1 "$status"
	expect_match "what it says" 'event=start-failed why="it hangs.* seconds=10 ' "$(cat "$T/hangs")"
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
