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

@test "I1: without a worker connects wait ten seconds at most, and are refused then, until there is one" {
	works
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
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
