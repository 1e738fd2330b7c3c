# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the end-to-end tests share: asking as the client, asking the twin without awsmask, comparing.

# shellcheck source=tests/e2e/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

# Made up, all of them. Each stands for itself only: parts of an ARN are masked apart.
INSTANCE=i-0f3a91c27be54d860
VPC=vpc-0a4b7c92d1e63f58b
ACCOUNT=734019286651
BUCKET=corvid-ledger-archive
ADDRESS=10.83.17.204
KEY=AKIAQ7ZR2MNB5KXDW3VT
ROLE=tidewater-deployer
VALUES=("$INSTANCE" "$VPC" "$ACCOUNT" "$BUCKET" "$ADDRESS" "$KEY" "$ROLE")
SENTENCE="On $INSTANCE in $VPC ($ADDRESS) role arn:aws:iam::$ACCOUNT:role/$ROLE reads s3://$BUCKET/a/b.csv with $KEY."
PLACEHOLDER='[A-Z][A-Z0-9_]*_[0-9]{3,}'
export INSTANCE VPC ACCOUNT BUCKET ADDRESS KEY ROLE SENTENCE PLACEHOLDER

T=${BATS_TEST_TMPDIR:-}
[ -z "${BATS_VERSION:-}" ] || bats_require_minimum_version 1.5.0

# What each file begins and ends with, unless it defines its own.
setup_file() {
	place_with_daemon ''
}

teardown() {
	check_after
}

teardown_file() {
	place_end
}

place_with_daemon() { # SETTINGS, in YAML
	place_new && printf '%s\n' "$1" >"$PLACE/awsmask.yaml" && place_daemon
}

# Without site-packages, which take longer than what is asked.
message() {
	python3 -S -E -B "$LIB_DIR/message.py" "$@"
}

# A Messages API request on stdout: body [--stream] [--tools NAMES] [--pad BYTES] TEXT
body() {
	message request "$@"
}

# ask NAME curl-arguments...: as the client; leaves $T/NAME.{status,head,answer,error}
ask() {
	curl_as place_client "$@"
}

# The same of the twin, outside of awsmask.
ask_twin() {
	curl_as place_twin "$@"
}

curl_as() {
	local as=$1 name=$2
	shift 2
	"$as" curl -sSN --max-time 40 -o "$T/$name.answer" -D "$T/$name.head" \
		-w '%{http_code}' "$@" >"$T/$name.status" 2>"$T/$name.error"
}

JSON_TYPE=(-H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' -H 'x-api-key: none')
MESSAGES=https://$TARGET/v1/messages

# Ask both the same thing (a body file and more curl arguments) and want the same answer: I2 from end to end.
same() { # BODY curl-arguments...
	local file=$1
	shift
	ask_twin twin "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$file" "$@" &&
		ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$file" "$@" || {
		cat "$T"/*.error
		return 1
	}
	same_answers
}

same_answers() {
	message same "$T/twin" "$T/here"
}

# The content of answers: event streams with the deltas joined (and checked for their order), the rest as it is.
joined() {
	message joined "$@"
}

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || {
		printf '%s\nwanted: %s\ngot:    %s\n' "$1" "$2" "$3"
		return 1
	}
}

expect_match() { # WHAT PATTERN TEXT
	grep -qE -- "$2" <<<"$3" || {
		printf '%s\nwanted a match of: %s\ngot: %s\n' "$1" "$2" "$3"
		return 1
	}
}

# One request, answered.
works() {
	body "$SENTENCE" >"$T/works"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/works" && [ "$(cat "$T/here.status")" = 200 ]
}

# One of the daemon's counters, by its name in `status`.
counter() { # NAME
	place_ctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counters"][sys.argv[1]])' "$1"
}

has_counted_more() { # COUNTER THAN
	[ "$(counter "$1")" -gt "$2" ]
}

# What succeeds may just have passed by: through COUNTER CMD... wants the daemon to have counted it.
through() {
	local counter=$1 before
	shift
	before=$(counter "$counter")
	"$@" && place_wait 10 has_counted_more "$counter" "$before" || {
		echo "counted by the daemon as $counter, before and after: $before $(counter "$counter")"
		return 1
	}
}

# Streams that each speak of a value of their own, answered slowly enough to be in flight, so many at once.
# Leaves $T/answer.1 and so on.
streams() { # TAG COUNT AT-ONCE [PINGS]
	local n
	for n in $(seq "$2"); do
		printf '{"model":"m","stream":true,"messages":[{"role":"user","content":"stream %d sees %s"}]}' "$n" \
			"$(value_of "$1" "$n")" >"$T/body.$n"
		printf 'url = "%s"\nheader = "content-type: application/json"\nheader = "x-scenario: pings n=%d pause=0.1"\n' \
			"$MESSAGES" "${4:-4}"
		printf 'data-binary = "@%s"\noutput = "%s"\nsilent\nmax-time = 40\nnext\n' "$T/body.$n" "$T/answer.$n"
	done | sed '$d' >"$T/config"
	rm -f "$T"/answer.*
	place_client curl -s --parallel --parallel-immediate --parallel-max "$3" -K "$T/config"
}

# So many requests on one connection, each answered.
requests() { # COUNT
	local n
	for n in $(seq "$1"); do
		printf 'url = "%s"\nheader = "content-type: application/json"\ndata = "{}"\noutput = "/dev/null"\nsilent\n' \
			"$MESSAGES"
		[ "$n" = "$1" ] || echo next
	done >"$T/config"
	place_client curl -s -K "$T/config"
}

# A stream that goes on until it is let go: its process is $stream, what came of it is in $T/stream.
stream_held() { # HOW: place_client or such
	rm -f "$PLACE/log/go"
	body --stream "slowly: $SENTENCE" >"$T/stream.body"
	"$1" curl -sSN --max-time 40 -o "$T/stream" "$MESSAGES" "${JSON_TYPE[@]}" -H 'x-scenario: held' \
		--data-binary "@$T/stream.body" &
	stream=$!
	place_wait 20 grep -q ping "$T/stream"
}

stream_let_go() {
	touch "$PLACE/log/go"
	wait "$stream" && joined "$T/stream" | grep -qF "slowly: $SENTENCE"
}

# Streams that go on from one to the next.
begin_load() { # AT-ONCE [PINGS [keep]]
	local before
	before=$(counter requests)
	PLACE_TIMEOUT=600 place_client python3 -B "$LIB_DIR/steady.py" "$TARGET" 443 "$1" "$T/going" "${@:2}" >"$T/load" 2>&1 3>&- &
	load=$!
	place_wait 20 test -s "$T/going" && place_wait 20 has_counted_more requests "$before"
}

# None was cut, none refused.
end_load() {
	rm "$T/going"
	wait $load || {
		cat "$T/load"
		return 1
	}
	cat "$T/load"
}

value_of() { # TAG N
	printf 'i-0%08x%08x' "$1" "$2"
}

# Not a byte is left on the vault's disk, until it is free again.
vault_disk_full() {
	place_in admin sh -c 'for size in 64k 512; do dd if=/dev/zero of=/var/lib/awsmask/filler.$size bs=$size; done' \
		2>/dev/null || true
}

vault_disk_free() {
	place_in admin sh -c 'rm /var/lib/awsmask/filler.*'
}

# The origin's newest body differs from what was sent in the values alone: I3.
only_values_differ() { # SENT-FILE [RECEIVED-FILE]
	message differ "$1" "${2:-$(place_received plain)}" "${VALUES[@]}"
}

# An error in Anthropic's JSON: an_error STATUS TYPE PATTERN (about $T/here.*)
an_error() {
	expect "the status" "$1" "$(cat "$T/here.status")" &&
		expect_match "the answer" "\"type\": ?\"error\".*\"type\": ?\"$2\".*\"message\": ?\"[^\"]*$3" \
			"$(tr -d '\n' <"$T/here.answer")"
}

# The command must fail. (A bare "!" does not fail a bats test.)
fails() {
	! "$@"
}

no_leak() { # the values, or those given
	local leaks
	[ $# -gt 0 ] || set -- "${VALUES[@]}"
	leaks=$(place_leaks "$@")
	[ -z "$leaks" ] || {
		echo "values reached the origin (or it had trouble):"
		head -n 8 <<<"$leaks"
		return 1
	}
}

# Ends each test: no value out, and what the daemon said when something went wrong. A leak is told once.
check_after() {
	local status=0
	no_leak || {
		status=1
		mkdir -p "$PLACE/leaked"
		mv "$PLACE"/log/* "$PLACE/leaked/"
	}
	if [ -z "${BATS_TEST_COMPLETED:-}" ] || [ $status != 0 ]; then
		echo "--- the daemon's last words"
		tail -n 30 "$PLACE/daemon.log" 2>/dev/null
		cat "$PLACE/origin.log" "$PLACE"/l*/trouble 2>/dev/null || true
	fi
	return $status
}

# Ends each test of a place whose origin may see values: none stands in these files and directories of the host (I8).
check_stored() { # PATH...
	local status=0
	place_in admin grep -rlaF -f - "$@" < <(printf '%s\n' "${VALUES[@]}") || status=$?
	[ -n "${BATS_TEST_COMPLETED:-}" ] && [ $status = 1 ] && return 0
	echo "--- the daemon's last words"
	tail -n 30 "$PLACE/daemon.log"
	cat "$PLACE/origin.log" "$T"/*.error 2>/dev/null || true
	[ $status = 1 ]
}

sanitizer_silent() {
	local said
	said=$(place_sanitizer || true)
	[ -z "$said" ] || {
		echo "$said"
		cat "$PLACE/daemon.log"
		return 1
	}
}

# A message that makes the origin say exactly this.
say() {
	printf 'say hex=%s' "$(printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n')"
}
