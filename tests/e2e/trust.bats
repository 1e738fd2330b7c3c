#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who trusts the CA: the system's store over a rotation, Claude Code's managed settings, clients that run.

load helpers

# A process in the enrolled cgroup, or in another: start CGROUP NAME VARIABLE=VALUE...
start() {
	local cgroup=$1 name=$2
	shift 2
	cp /bin/sleep "$PLACE/$name"
	in_background /dev/null "$cgroup" nsenter -t "$(<"$PLACE/host.pid")" -n -m -- env -i "$@" "$PLACE/$name" 60
	place_wait 10 pgrep -xf "$PLACE/$name 60"
}

# What check says of the process NAME, and to do about it.
judged() { # NAME
	sed -n "/ client-.* $1 (pid /{N;p;}" "$T/check"
}

@test "after a rotation the store has the new one, and no request fails by it" {
	works
	name=$(place_ctl ca show --json)
	run place_ctl ca rotate
	[ "$status" -eq 0 ]
	[[ $output == *"in place of the old one, and awsmaskd uses it"* ]]
	[ "$(place_ctl ca show --json)" != "$name" ]
	place_ctl check | grep -E '^ok +ca-store'
	works
}

# Every file of the CA: its name, its mode, its number, its content.
ca_files() {
	place_direct sh -c 'cd /var/lib/awsmask/ca && stat -c "%n %a %i" * && sha256sum *'
}

@test "a rotation that awsmaskd refuses leaves the CA as it was, and says what to do" {
	place_ctl ca rotate
	before=$(ca_files)
	run place_client "$BUILD/awsmaskctl" ca rotate
	[ "$status" -eq 1 ]
	[[ $output == *"no new CA was made"*"inside an enrolled cgroup"*"run awsmaskctl ca rotate again"* ]]
	[ "$(ca_files)" = "$before" ]
	place_ctl check | grep -E '^ok +ca-store'
	works
	place_ctl ca rotate
	[ "$(ca_files)" != "$before" ]
}

# Reads the store once, as clients do that run for long; asks, says so, and asks again when that file is gone.
HOLDER='import os, ssl, sys, time, urllib.request
context = ssl.create_default_context()
def ask():
    request = urllib.request.Request(sys.argv[1], b"{}", {"content-type": "application/json"})
    try:
        return urllib.request.urlopen(request, context=context, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.status
first = ask()
os.close(os.open(sys.argv[2], os.O_CREAT))
while os.path.exists(sys.argv[2]):
    time.sleep(0.02)
print(first, ask())'

# New clients, one after another, for as long as the file is there: each reads the store as it is then.
newcomers() { # FILE
	while [ -e "$1" ]; do
		place_client curl -sS --max-time 20 -o /dev/null -w '%{http_code}\n' "$MESSAGES" "${JSON_TYPE[@]}" -d '{}' || true
	done
}

more_than() { # COUNT FILE
	[ "$(wc -l <"$2")" -gt "$1" ]
}

@test "a rotation overlaps: who has read the store before, and who reads it meanwhile, are served" {
	works
	place_client python3 -c "$HOLDER" "$MESSAGES" "$T/held" >"$T/holder" 2>&1 &
	holder=$!
	place_wait 20 test -e "$T/held"
	newcomers "$T/held" >"$T/newcomers" 2>&1 &
	others=$!
	place_wait 20 test -s "$T/newcomers"
	place_ctl ca rotate
	place_wait 20 more_than "$(($(wc -l <"$T/newcomers") + 1))" "$T/newcomers"
	rm "$T/held"
	wait "$holder" "$others"
	cat "$T/holder" "$T/newcomers"
	status=$(head -n 1 "$T/newcomers")
	[ "$(cat "$T/holder")" = "$status $status" ]
	[ "$(sort -u "$T/newcomers")" = "$status" ]
	[[ $(place_ctl ca show) == *"overlap     who trusts the one before it is served until 20"* ]]
}

@test "check names the clients that will not trust the CA, with what to do, and no others" {
	mkfifo "$PLACE/pipe"
	start client node
	start client claude CLAUDE_CODE_CERT_STORE=bundled
	start client pinned "REQUESTS_CA_BUNDLE=$PLACE/origin-ca.pem"
	start client piped "SSL_CERT_FILE=$PLACE/pipe"
	start client told NODE_EXTRA_CA_CERTS=/var/lib/awsmask/ca/ca.pem CLAUDE_CODE_CERT_STORE=bundled
	start client system "SSL_CERT_FILE=$(trust_bundle)"
	start direct outside CLAUDE_CODE_CERT_STORE=bundled
	place_ctl check >"$T/check" || true
	cat "$T/check"
	[[ $(judged node) == *"runs on Node"*"NODE_EXTRA_CA_CERTS=/var/lib/awsmask/ca/ca.pem"* ]]
	[[ $(judged claude) == *"CLAUDE_CODE_CERT_STORE"*"unset it"* ]]
	[[ $(judged pinned) == *"its REQUESTS_CA_BUNDLE names a file without the CA"*"system's bundle"* ]]
	[[ $(judged piped) == *"SSL_CERT_FILE"* ]]
	[ "$(grep -c ' client-' "$T/check")" -eq 4 ]
	place_kill client
	place_ctl check | grep -E '^ok +clients +none of [0-9]+ '
}

@test "check takes a Node that is told to read the system's store at its word" {
	start client node NODE_OPTIONS=--use-system-ca
	place_ctl check | grep -E '^ok +clients +none of [1-9]'
	place_kill client
}

@test "ca install --claude-code writes a drop-in beside what is there, and ca remove takes it out" {
	place_direct sh -c 'mkdir -p /etc/claude-code && echo "{}" >/etc/claude-code/managed-settings.json'
	place_ctl ca install --claude-code
	settings=/etc/claude-code/managed-settings.d/awsmask.json
	[ "$(place_direct stat -c %a $settings)" = 644 ]
	ca=$(place_direct cat $settings | python3 -c 'import json, sys; print(json.load(sys.stdin)["env"]["NODE_EXTRA_CA_CERTS"])')
	place_direct cmp "$ca" /var/lib/awsmask/ca/ca.pem
	place_ctl ca remove
	[ "$(place_direct find /etc/claude-code)" = "$(printf '/etc/claude-code\n/etc/claude-code/managed-settings.json')" ]
	run place_ctl ca show --claude-code
	[ "$status" -eq 2 ]
}
