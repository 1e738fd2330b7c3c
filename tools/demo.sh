#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job before your eyes: tools/demo.sh BUILD [-- CMD...]
#
# In namespaces of its own, with a stand-in for the model's service: what a client sends, what leaves the host,
# what the client gets. With CMD, that command runs there instead, as an enrolled client.
# The exit status is 0 only if no value left the host and each came back (or CMD's own, if that is not 0).
set -u
BUILD=${1:?"which build directory? (tools/demo.sh BUILD [-- CMD...])"}
shift
[ "${1:-}" = -- ] && shift
export BUILD
# shellcheck source=tests/e2e/helpers.bash
. "$(dirname "$0")/../tests/e2e/helpers.bash"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	BOLD=$'\e[1m' REAL=$'\e[1;31m' STANDIN=$'\e[1;32m' PLAIN=$'\e[0m'
else
	BOLD='' REAL='' STANDIN='' PLAIN=''
fi
wrong=0

show() { # LABEL: stdin, values and placeholders highlighted
	local pattern
	pattern=$(printf '%s\n' "${VALUES[@]}" | paste -sd'|')
	printf '  %s%-24s%s' "$BOLD" "$1" "$PLAIN"
	sed -E "s/($pattern)/$REAL\1$PLAIN/g; s/\b($PLACEHOLDER)/$STANDIN\1$PLAIN/g; 2,\$s/^/                          /"
}

verify() { # WHAT CMD...
	local what=$1
	shift
	if "$@" >"$T/verify" 2>&1; then
		printf '  %sok%s      %s\n' "$STANDIN" "$PLAIN" "$what"
	else
		printf '  %snot ok%s  %s\n' "$REAL" "$PLAIN" "$what"
		sed 's/^/          /' "$T/verify"
		wrong=1
	fi
}

last_text() { # of a request's body
	message said "$1"
}

got() { # of an answer
	joined "$1" | python3 -c '
import json, sys
for line in sys.stdin:
    block = json.loads(line)
    if block.get("type") == "text": print(block["text"])
    if block.get("type") == "tool_use": print("tool call:", block["name"], json.dumps(block["input"], ensure_ascii=False))'
}

each_came_back() { # ANSWER VALUE...
	local answer value
	answer=$(joined "$1")
	shift
	for value; do
		[[ $answer == *"$value"* ]] || {
			echo "$value did not come back"
			return 1
		}
	done
}

turn() { # TITLE BODY VALUE...
	local title=$1 file=$2 before
	shift 2
	before=$(place_requests)
	printf '\n%s%s%s\n' "$BOLD" "$title" "$PLAIN"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$file" || cat "$T/here.error"
	last_text "$file" | show "the client sent"
	[ "$(place_requests)" = "$before" ] && wrong=1 ||
		last_text "$(place_received plain)" | show "the origin received"
	got "$T/here.answer" | show "the client got back"
	verify "no value left this host" no_leak
	verify "each value came back" each_came_back "$T/here.answer" "$@"
}

curl_turns() {
	body --stream "$SENTENCE" >"$T/turn"
	turn "curl, a streamed answer" "$T/turn" "${VALUES[@]}"
	body --stream --tools Bash "Show me $INSTANCE and s3://$BUCKET. [[tool]]" >"$T/turn1"
	turn "curl, a tool call" "$T/turn1" "$INSTANCE" "$BUCKET"
	message next "$T/turn1" "$T/here.answer" >"$T/turn2"
	turn "curl, the tool's result" "$T/turn2" "$INSTANCE" "$BUCKET"
}

sdk_turn() {
	printf '\n%s%s%s\n' "$BOLD" "@anthropic-ai/sdk under node, a tool call over two turns" "$PLAIN"
	if ! command -v node >/dev/null || ! npm_packages sdk "$SDK_PACKAGE" 2>/dev/null; then
		echo "  not present (it needs node, npm and the registry once)"
		return
	fi
	place_sdk place_client tool "$SENTENCE" >"$T/sdk" 2>&1
	printf '%s\n' "$SENTENCE" | show "the client sent"
	last_text "$(place_received plain)" | show "the origin received"
	{ head -c 600 "$T/sdk"; echo " ..."; } | show "the client got back"
	verify "no value left this host" no_leak
	verify "each value came back" grep -q "\"tool_use\".*$INSTANCE.*$BUCKET" "$T/sdk"
}

run_command() {
	place_client_here "$@"
	local status=$?
	printf '\n%sWhat the origin received, in the order it came (%s requests):%s\n' "$BOLD" "$(place_requests)" "$PLAIN"
	local file
	for file in $(find "$PLACE/log" -name '*.plain' -size +0 | sort); do
		head -c 2000 "$file" | tr -d '\0' | show "$(basename "$file" .plain)"
		echo
	done
	verify "none of the demo's values left this host" no_leak
	return $status
}

trap 'place_end; rm -rf "${T:-}"' EXIT
trap 'exit 130' INT TERM
T=$(mktemp -d) || exit 1
chmod 0755 "$T"
place_new && place_daemon || exit 1
if [ $# -gt 0 ]; then
	echo "Some values to try: $SENTENCE"
	run_command "$@" || exit $?
else
	curl_turns
	sdk_turn
fi
printf '\n'
[ $wrong = 0 ] && echo "Everything that was to be seen was seen." || echo "Something went wrong; see above."
exit $wrong
