#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A pilot: first everything is only observed, then enforced; the report tells them apart and is exact.

load helpers

setup_file() {
	place_with_daemon 'mode: observe'
}

teardown() {
	check_stored "$PLACE/daemon.log" /var/lib/awsmask/report.db
}

# Ask, and want the origin to have received these very bytes.
send() { # FILE curl-arguments...
	local file=$1
	shift
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$file" "$@"
	expect "the status" 200 "$(cat "$T/here.status")"
	cmp "$file" "$(place_received body)"
}

# Rows of the report, the members named: rows BY "MEMBER..." report-arguments...
rows() {
	local by=$1 members=$2
	shift 2
	place_ctl report --json --by "$by" "$@" | python3 -B -c '
import json, sys
for row in json.load(sys.stdin)["tables"][0]["rows"]:
    print(*[row[key] for key in sys.argv[1].split()])' "$members" | sort
}

OBSERVED='ACCESS_KEY_ID observe 3 3 0 3 0
ARN_RESOURCE observe 2 2 0 2 0
AWS_ACCOUNT observe 2 2 0 2 0
EC2_INSTANCE observe 4 4 0 4 0
PRIVATE_IPV4 observe 2 2 0 2 0
S3_BUCKET observe 3 4 0 4 1
VPC observe 3 4 0 4 0'
ENFORCED='ACCESS_KEY_ID enforce 2 2 2 0 0
ARN_RESOURCE enforce 2 2 2 0 0
AWS_ACCOUNT enforce 2 2 2 0 0
EC2_INSTANCE enforce 3 3 3 0 0
PRIVATE_IPV4 enforce 2 2 2 0 0
S3_BUCKET enforce 2 2 2 0 0
VPC enforce 3 4 4 0 0'
TYPES="type mode requests found masked passed known"

@test "nothing has been counted yet, and the report says so and why" {
	run -0 place_ctl report
	expect_match "the text" "nothing was counted: no request" "$output"
	expect_match "the text" "enrolled" "$output"
	run -0 --separate-stderr place_ctl report --json
	expect "the json" '[]' "$(python3 -c 'import json,sys; print(json.load(sys.stdin)["tables"][0]["rows"])' <<<"$output")"
}

bodies() {
	body --stream "$SENTENCE" >"$T/plain"
	gzip -c "$T/plain" >"$T/plain.gz"
	printf '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"{\\"%s\\":\\"%s\\\\n%s\\"}"}]}]}' \
		"$INSTANCE" "$VPC" "$VPC" >"$T/nested"
	printf '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}],"x":{"%s":["%s"]}}' \
		"$INSTANCE" "$KEY" >"$T/keys"
	body "nothing to see" >"$T/none"
}

@test "I3: what is observed leaves as it came: plain, gzipped, JSON in JSON, keys, headers" {
	bodies
	through observed send "$T/plain"
	through observed send "$T/plain.gz" -H 'content-encoding: gzip'
	through observed send "$T/nested"
	through observed send "$T/keys" -H "x-note: for $BUCKET s3://$BUCKET"
	grep -q "x-note: for $BUCKET s3://$BUCKET" "$(place_received head)"
	through requests send "$T/none"
}

@test "I8: the log has types and places, and not one value" {
	expect "lines" 4 "$(grep -c 'event=observed' "$PLACE/daemon.log")"
	grep 'event=observed' "$PLACE/daemon.log" >"$T/lines"
	expect_match "the plain one" 'found=7 known=0 types="[A-Z_0-9= ]*S3_BUCKET=1.* body \$\.messages\[0\]\.content \+[0-9]+,.*more=0' \
		"$(sed -n 1p "$T/lines")"
	expect_match "the gzipped one" 'found=7 .* body \$\.messages\[0\]\.content ' "$(sed -n 2p "$T/lines")"
	expect_match "JSON in JSON" 'types="EC2_INSTANCE=1 VPC=2" places="EC2_INSTANCE body \$\.messages\[0\]\.content\[0\]\.content \+[0-9]+, VPC' \
		"$(sed -n 3p "$T/lines")"
	expect_match "the keys" 'known=1 .*"S3_BUCKET header\[[0-9]+\] \+4, .*EC2_INSTANCE body \$\.\*\.\*#key .*ACCESS_KEY_ID body \$\.\*\.\*\[0\] ' \
		"$(sed -n 4p "$T/lines")"
}

@test "the report has exactly what was sent, by type, cgroup and day" {
	expect "types" "$OBSERVED" "$(rows type "$TYPES")"
	expect "cgroups" "$PLACE_CGROUP/client 5 4 21 21 1" "$(rows cgroup "cgroup requests findings found passed known")"
	expect "days" "$(date -u +%F) observe 5 4 21" "$(rows day "day mode requests findings found")"
	expect "targets" "$TARGET observe 5" "$(rows target "target mode requests")"
	run -0 place_ctl report --since 1
	expect_match "the sentence" "observe mode: 5 requests, 4 of them with identifiers, 21 values found, nothing was changed" "$output"
	expect_match "a total" "^total +observe +4 +21 +21 +1$" "$output"
	run -0 place_ctl status
	expect_match "status" "^  observed +21$" "$output"
}

@test "a restart loses nothing" {
	place_daemon_stop
	expect "from the file" "$OBSERVED" "$(rows type "$TYPES" --db /var/lib/awsmask/report.db)"
	place_daemon_start
	expect "types" "$OBSERVED" "$(rows type "$TYPES")"
}

@test "a request that is cut off in the middle of its answer is counted" {
	before=$(rows target requests)
	body --stream "see $VPC [[stall]]" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --max-time 3 --data-binary "@$T/body" || true
	expect "the status" 200 "$(cat "$T/here.status")"
	place_daemon_stop
	place_daemon_start
	expect "requests" $((before + 1)) "$(rows target requests)"
}

@test "then enforced: the report tells them apart" {
	place_ctl enroll "$PLACE_CGROUP/client" --mode enforce
	place_daemon_stop
	echo 'mode: enforce' >"$PLACE/awsmask.yaml"
	place_daemon_start
	bodies
	for file in plain nested; do
		ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/$file"
		only_values_differ "$T/$file"
	done
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: gzip' --data-binary "@$T/plain.gz"
	printf '{"not json' >"$T/broken"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/broken"
	expect "the status" 400 "$(cat "$T/here.status")"
	expect "enforced" "$ENFORCED" "$(rows type "$TYPES" | grep enforce)"
	expect "refused" "enforce 4 3 1 0" "$(rows target "mode requests findings refused unmaskable" | grep enforce)"
	run -0 place_ctl report
	expect_match "observe" "observe mode: 6 requests, 5 of them" "$output"
	expect_match "enforce" "enforce mode: 4 requests, 3 of them with identifiers, .* masked; 1 request was refused" "$output"
}

@test "one cgroup observed while the rest is enforced: what would have been refused is counted" {
	place_ctl enroll "$PLACE_CGROUP/client" --mode observe
	printf '{"not json' >"$T/broken"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/broken"
	cmp "$T/broken" "$(place_received body)"
	expect "observed" "observe 7 1" "$(rows target "mode requests unmaskable" | grep observe)"
	place_ctl enroll "$PLACE_CGROUP/client" --mode enforce
}

# The page and the answers that it is held against, from the daemon or from its file.
page_agrees() { # report-arguments...
	place_ctl report --html "$T/page.html" "$@"
	for by in type cgroup day; do
		place_ctl report --json --by $by "$@" >"$T/$by.json"
	done
	python3 -B "$BATS_TEST_DIRNAME/page.py" "$T/page.html" "$T/type.json" "$T/cgroup.json" "$T/day.json"
	values_stayed_off "$T/page.html"
}

values_stayed_off() { # FILE
	local value
	for value in "${VALUES[@]}"; do
		fails grep -aF -e "$value" "$1" || return 1
	done
}

@test "the page has the same numbers, is well-formed and fetches nothing" {
	page_agrees
	grep -q "Enrolled when this page was made" "$T/page.html"
	grep -qF "<th scope=\"row\">$PLACE_CGROUP/client</th><td>cgroup</td><td>enforce</td><td>closed</td>" "$T/page.html"
	grep -qF '<th scope="row">not-json</th><td>its Content-Type says JSON but its body is not JSON</td>' "$T/page.html"
	expect "its mode" 600 "$(stat -c %a "$T/page.html")"
	expect "what is left beside it" "$T/page.html" "$(echo "$T"/page.html*)"
	page_agrees --db /var/lib/awsmask/report.db
	place_ctl report --html - --since 9999-01-01 >"$T/page.html"
	python3 -B "$BATS_TEST_DIRNAME/page.py" "$T/page.html"
	grep -q "Nothing was counted in this period" "$T/page.html"
	# shellcheck disable=SC2034 # taken by place_in
	PLACE_ENV=(SOURCE_DATE_EPOCH=1700000000)
	place_ctl report --html - /var/lib/awsmask/report.db >"$T/one.html"
	place_ctl report --html - --db /var/lib/awsmask/report.db >"$T/two.html"
	grep -qF 'made <span class="day">2023-11-14 22:13</span> UTC' "$T/one.html"
	cmp "$T/one.html" "$T/two.html"
}

@test "a report that is damaged is in nobody's way" {
	place_in admin sh -c 'echo "this is no database, whatever you say; it has been overwritten" >/var/lib/awsmask/report.db.new &&
		mv /var/lib/awsmask/report.db /var/lib/awsmask/report.db.kept &&
		mv /var/lib/awsmask/report.db.new /var/lib/awsmask/report.db && chown awsmask /var/lib/awsmask/report.db'
	body "$SENTENCE" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	expect "the status" 200 "$(cat "$T/here.status")"
	run -1 place_ctl report
	expect_match "the sentence" "report.db: .*damaged; move it away" "$output"
	run -0 place_ctl status
	expect_match "status" "last_error .*damaged" "$output"
	expect_match "status" "unwritten +1" "$output"
	place_in admin mv /var/lib/awsmask/report.db.kept /var/lib/awsmask/report.db
	expect "all of it" "enforce 5 4 1" "$(rows target "mode requests findings refused" | grep enforce)"
}

@test "a flood of observed requests is no flood of lines, and each is counted" {
	place_ctl enroll "$PLACE_CGROUP/client" --mode observe
	body "see $VPC" >"$T/body"
	before=$(grep -c 'event=observed' "$PLACE/daemon.log")
	counts=$(rows target "mode requests" | sed -n 's/^observe //p')
	urls=()
	for _ in {1..120}; do urls+=("$MESSAGES"); done
	ask here "${urls[@]}" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	expect "counted" $((counts + 120)) "$(rows target "mode requests" | sed -n 's/^observe //p')"
	told=$(($(grep -c 'event=observed' "$PLACE/daemon.log") - before))
	[ "$told" -ge 20 ] && [ "$told" -le 100 ]
}

@test "what is asked wrongly is refused in words" {
	run -2 place_ctl report --since yesterday
	expect_match "since" "'yesterday'.*a number of days" "$output"
	run -2 place_ctl report --since 2026-02-30
	run -2 place_ctl report --by type,colour
	expect_match "by" "'type,colour'.*day, cgroup, target or type" "$output"
	run -1 place_ctl report --db /var/lib/awsmask/vault.db
	expect_match "db" "another program's database" "$output"
	run -1 place_ctl report --db /nowhere
	run -2 place_ctl report /var/lib/awsmask/report.db
	expect_match "files" "are for --html" "$output"
	run -2 place_ctl report --html - --json
	run -2 place_ctl report --html ""
	run -1 place_ctl report --html - /var/lib/awsmask/report.db /var/lib/awsmask/../awsmask/report.db
	expect_match "twice" "are the same file" "$output"
	run -1 place_ctl report --html /dev/null
	expect_match "no file" "not a regular file" "$output"
	run -1 place_ctl report --html /nowhere/page.html
	expect_match "no directory" "/nowhere/page.html: cannot be made" "$output"
	run -0 place_ctl report --since 9999-01-01
	expect_match "no data" "nothing was counted since 9999-01-01" "$output"
	run -1 place_as 4001 "$BUILD/awsmaskctl" report
}

@test "no sanitizer complained" {
	sanitizer_silent
}
