#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# awsmaskctl where no daemon is needed: usage, filters, configuration, the CA.
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

setup() {
	CTL="$BUILD/awsmaskctl"
	T=$(mktemp -d)
	cat >"$T/awsmask.yaml" <<-END
		vault: {sqlite: $T/daemon-vault.db}
		ca: {dir: $T/ca}
		control: {socket: $T/control.sock}
	END
	export T CTL
}

teardown() {
	rm -rf "$T"
}

ctl() {
	"$CTL" --config "$T/awsmask.yaml" "$@"
}

# Standard output alone, in $out; the status in $rc; standard error in $T/err.
just_out() {
	rc=0
	"$@" >"$T/out" 2>"$T/err" || rc=$?
	out=$(cat "$T/out")
}

# What this Python expression says of the JSON in $out, as j.
json() {
	python3 -c 'import json,sys; j = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' "$out" "$1"
}

# Quieter than `! grep`, which bats does not see.
lacks() { # TEXT FILE...
	if grep -qF -e "$1" "${@:2}"; then
		echo "found: $1"
		return 1
	fi
}

mask_file() {
	ctl mask --vault "$T/v.db" "$@" <"$T/in"
}

round_trip() { # FILE [--json]
	local file=$1
	shift
	ctl mask --vault "$T/v.db" "$@" <"$file" >"$T/masked"
	ctl unmask --vault "$T/v.db" "$@" <"$T/masked" >"$T/back"
	cmp "$file" "$T/back"
}

@test "usage: no command, unknown command, unknown option, missing and surplus arguments are exit 2" {
	for words in "" "frobnicate" "--frob" "-x" "list --frob" "list -x" "enroll" "enroll a b" "list a" \
		"enroll --mode" "enroll a --mode off" "enroll a --fail maybe" "ca" "ca frob" "config" "config frob" \
		"run" "mask" "unmask --json" "mask --vault" "version now" "help frob"; do
		# shellcheck disable=SC2086 # a list of words
		just_out "$CTL" $words
		[ "$rc" -eq 2 ] || { echo "'$words' is exit $rc"; false; }
		[ -z "$out" ]
		grep -q 'awsmaskctl help' "$T/err"
	done
}

@test "usage: help and --help name every command, and tell of each" {
	run "$CTL" --help
	[ "$status" -eq 0 ]
	for c in enroll unenroll list status top run mask unmask test catalogue check ca vault config version; do
		[[ "$output" == *"  $c "* ]]
		run "$CTL" help "$c"
		[ "$status" -eq 0 ]
		[[ "$output" == "usage: awsmaskctl $c"* ]]
		local told=$output
		run "$CTL" "$c" --help
		[ "$status" -eq 0 ]
		[ "$output" = "$told" ]
		run "$CTL" help
	done
}

@test "usage: version as text and as JSON" {
	run "$CTL" version
	[[ "$output" =~ ^awsmaskctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	local version=${output#awsmaskctl }
	run "$CTL" --version
	[ "$output" = "awsmaskctl $version" ]
	just_out "$CTL" version --json
	[ "$(json 'j["ok"], j["version"]')" = "(True, '$version')" ]
}

@test "usage: no colours but on a terminal, and none with NO_COLOR there" {
	run ctl check
	[[ "$output" != *$'\033'* ]]
	TERM=xterm run script -qec "$CTL --config $T/awsmask.yaml list" /dev/null
	[[ "$output" == *$'\033'* ]]
	NO_COLOR=1 TERM=xterm run script -qec "$CTL --config $T/awsmask.yaml list" /dev/null
	[[ "$output" != *$'\033'* ]]
}

# Text comes slowly: mask, until `$1` is there. What it puts out is in $T/out.
mask_slowly() { # CONDITION COMMAND...
	local condition=$1
	shift
	mkfifo "$T/slow"
	"$@" 3>&- &
	exec 9>"$T/slow"
	echo "on i-0f3a91c27be54d860" >&9
	timeout 10 sh -c "until $condition; do sleep 0.05; done"
	exec 9>&-
	wait $!
	grep -qx 'on EC2_INSTANCE_001' "$T/out"
	[ "$(wc -l <"$T/out")" -eq 1 ]
	rm "$T/slow"
}

@test "progress: told on stderr where one wants it, on a terminal gone at the end, else not at all" {
	local mask="$CTL --config $T/awsmask.yaml mask --vault $T/v.db"
	mask_slowly "grep -q 'awsmaskctl: reading  23 B' $T/err" \
		sh -c "$mask --progress <$T/slow >$T/out 2>$T/err"
	mask_slowly "grep -q 'reading  23 B' $T/typescript" \
		env TERM=xterm script -qefc "$mask <$T/slow >$T/out" "$T/typescript" >/dev/null
	[[ "$(tail -c 300 "$T/typescript")" == *$'\r\033[K'*$'reading  23 B'*$'\r\033[K'* ]]
	[[ "$(grep -v ^Script "$T/typescript" | tail -c 4)" != *[a-z]* ]]
	# It would be told within a second.
	mask_slowly "sleep 1.2" sh -c "$mask <$T/slow >$T/out 2>$T/err"
	[ ! -s "$T/err" ]
	NO_COLOR=1 just_out ctl vault check --vault "$T/v.db" --progress
	[ "$rc" -eq 0 ]
	[[ "$out" == *"sound; 1 mappings" ]]
}

@test "usage: output that cannot be written is a failure" {
	rc=0
	ctl version >/dev/full || rc=$?
	[ "$rc" -eq 1 ]
	rc=0
	echo text | ctl mask --vault "$T/v.db" >/dev/full || rc=$?
	[ "$rc" -eq 1 ]
}

@test "daemon absent: asking and changing commands say so, and what to do" {
	for words in "list" "status" "enroll /" "unenroll 7" "--socket $T/none.sock run true"; do
		# shellcheck disable=SC2086 # a list of words
		just_out ctl $words
		[ "$rc" -eq 1 ]
		grep -q 'awsmaskd is not running' "$T/err"
		grep -q 'systemctl start awsmaskd' "$T/err"
		grep -q 'awsmaskd --release' "$T/err"
	done
	just_out ctl list --json
	[ "$(json 'j["ok"]')" = False ]
	just_out ctl status --json
	[ "$(json 'j["ok"], j["running"], type(j["pinned"]).__name__')" = "(False, False, 'bool')" ]
}

@test "daemon absent: run with a socket that was named leaves no cgroup behind" {
	run ctl --socket "$T/none.sock" run -- true
	[ "$status" -eq 1 ]
	run find "$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)" -maxdepth 3 -name 'awsmask-run-*'
	[ -z "$output" ]
}

@test "daemon absent: a socket that nobody may be at, or whose name is too long, is named" {
	run ctl --socket "$T/$(printf 'x%.0s' {1..200})" list
	[ "$status" -eq 1 ]
	[[ "$output" == *"longer than"* ]]
	run ctl list --socket "$T/elsewhere.sock"
	[[ "$output" == *"$T/elsewhere.sock"* ]]
}

@test "enroll: what is no cgroup is refused before anything is asked" {
	for what in /tmp nonesuch-anywhere ../../.. ""; do
		run ctl enroll "$what"
		[ "$status" -eq 1 ]
		[[ "$output" != *"not running"* ]]
	done
}

@test "config: check and show, defaults and all" {
	run "$CTL" config check "$T/awsmask.yaml"
	[ "$status" -eq 0 ]
	just_out ctl config check --json
	[ "$(json 'j["ok"], j["exists"]')" = "(True, True)" ]
	ctl config show >"$T/full.yaml"
	grep -q "^mode: enforce" "$T/full.yaml"
	ctl config show "$T/full.yaml" | cmp - "$T/full.yaml"
	just_out ctl config show --json
	[ "$(json 'j["yaml"].startswith("mode:")')" = True ]
}

@test "config: errors name file, line and remedy; commands that need it refuse" {
	printf 'mode: enforce\nfail: never\n' >"$T/bad.yaml"
	run "$CTL" config check "$T/bad.yaml"
	[ "$status" -eq 1 ]
	[[ "$output" == *"bad.yaml:2"* && "$output" == *never* && "$output" == *closed* ]]
	just_out "$CTL" --config "$T/bad.yaml" list --json
	[ "$rc" -eq 1 ]
	[ "$(json 'j["ok"], "bad.yaml:2" in j["error"]')" = "(False, True)" ]
	run "$CTL" --config "$T/nonesuch.yaml" config check
	[ "$status" -eq 1 ]
}

@test "catalogue: every type with all that there is to say" {
	ctl catalogue >"$T/all"
	grep -qE '^EC2_INSTANCE +id +mask +- +EC2 instance id$' "$T/all"
	grep -qE '^S3_BUCKET +name +mask +learned +S3 bucket name$' "$T/all"
	just_out ctl catalogue --json
	[ "$(json 'j["ok"]')" = True ]
	[ "$(json 'len(j["types"])')" -eq $(($(wc -l <"$T/all") - 1)) ]
	[ "$(json 'len({t["type"] for t in j["types"]}) == len(j["types"])')" = True ]
	[ "$(json 'sorted({k for t in j["types"] for k in t})')" = \
		"['action', 'description', 'learned', 'sensitivity', 'source', 'type']" ]
	[ "$(json '{t["sensitivity"] for t in j["types"]} == {"id", "name", "network", "secret"}')" = True ]
}

@test "catalogue: the types that were asked for, with their documentation" {
	run ctl catalogue VPC S3_BUCKET
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 5 ]
	[[ "${lines[1]}" == "S3_BUCKET "* || "${lines[1]}" == "VPC "* ]]
	[[ "$output" == *https://docs.aws.amazon.com/*resource-ids.html* ]]
	just_out ctl catalogue --json VPC
	[ "$(json '[t["type"] for t in j["types"]]')" = "['VPC']" ]
}

@test "catalogue: a type that there is not is exit 1, with the one that was meant" {
	for wrong in EC2_INSTANC ec2-instance EC2INSTANCE INSTANCE_EC2_INSTANCE; do
		just_out ctl catalogue VPC "$wrong"
		[ "$rc" -eq 1 ] && [ -z "$out" ]
	done
	just_out ctl catalogue ec2-instanc
	grep -q "no type 'ec2-instanc': did you mean EC2_INSTANCE?" "$T/err"
	just_out ctl catalogue --json SUBNETT
	[ "$rc" -eq 1 ]
	[ "$(json 'j["ok"]')" = False ]
	[ "$(json '"did you mean SUBNET?" in j["error"]')" = True ]
	just_out ctl catalogue qqqqq
	[ "$rc" -eq 1 ]
	lacks 'did you mean' "$T/err"
	grep -q '`awsmaskctl catalogue` lists them' "$T/err"
}

@test "catalogue: the manual has every type, and man(1) finds nothing wrong with it" {
	local page="$BUILD/awsmask-catalogue.7" label
	while read -r label _; do
		grep -qx ".It $label" "$page" || { echo "missing: $label" && false; }
	done < <(ctl catalogue | tail -n +2)
	[ "$(grep -c '^\.It ' "$page")" -eq "$(ctl catalogue | tail -n +2 | wc -l)" ]
	[ -z "$(LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)" ]
}

@test "mask: a text loses its identifiers and gets them back" {
	printf 'i-0f1e2d3c4b5a69788 talks to arn:aws:s3:::some-bucket-4711 in account 482913057716\n' >"$T/in"
	round_trip "$T/in"
	lacks '0f1e2d3c4b5a69788' "$T/masked"
	lacks '482913057716' "$T/masked"
	grep -q 'EC2_INSTANCE_001 talks to arn:aws:s3:::' "$T/masked"
}

@test "mask: the same value has the same placeholder, in later runs and in parallel ones" {
	for i in 1 2 3 4 5 6 7 8; do
		echo "box i-0f1e2d3c4b5a69788 and i-0000000000000000$i" | ctl mask --vault "$T/v.db" >"$T/m$i" &
	done
	wait
	[ "$(cut -d' ' -f2 "$T"/m? | sort -u | wc -l)" -eq 1 ]
	[ "$(cut -d' ' -f4 "$T"/m? | sort -u | wc -l)" -eq 8 ]
	for i in 1 2 3 4 5 6 7 8; do
		[ "$(ctl unmask --vault "$T/v.db" <"$T/m$i")" = "box i-0f1e2d3c4b5a69788 and i-0000000000000000$i" ]
	done
}

@test "mask: what already looks like a placeholder comes back as it was" {
	printf 'EC2_INSTANCE_001 EC2_INSTANCE_002 i-0f1e2d3c4b5a69788 LITERAL_001 LITERAL_1 EC2_INSTANCE_0011' >"$T/in"
	round_trip "$T/in"
}

@test "mask: any bytes come back as they were" {
	for seed in 1 2 3; do
		python3 - "$seed" >"$T/in" <<-'END'
			import random, sys
			r = random.Random(int(sys.argv[1]))
			parts = [b"i-0f1e2d3c4b5a69788", b"482913057716", b"arn:aws:iam::482913057716:role/x", b"EC2_INSTANCE_00",
			         b"10.2.3.4", b"\0", b"\xff\xfe", b"\r\n", b"\\n", b"\"", b"LITERAL_", b"1", b"ip-10-0-0-7"]
			out = sys.stdout.buffer
			for _ in range(20000):
			    out.write(r.choice(parts) if r.random() < 0.5 else r.randbytes(r.randrange(8)))
		END
		round_trip "$T/in"
	done
}

@test "mask: nothing at all stays nothing" {
	: >"$T/in"
	round_trip "$T/in"
	[ ! -s "$T/masked" ]
}

@test "mask --json: only values change, and what is signed does not" {
	cat >"$T/in" <<-'END'
		{ "model":"claude-x", "max_tokens" : 1.0e3,
		  "messages":[{"role":"user","content":"is i-0f1e2d3c4b5a69788 \u00fcp?\n"},
		  {"role":"assistant","content":[{"type":"thinking","thinking":"i-0f1e2d3c4b5a69788","signature":"c2ln"},
		  {"type":"tool_use","id":"toolu_1","name":"x","input":{"id":"i-0f1e2d3c4b5a69788"}}]}] }
	END
	round_trip "$T/in" --json
	[ "$(grep -c '0f1e2d3c4b5a69788' "$T/masked")" -eq 1 ]
	grep -q '"thinking":"i-0f1e2d3c4b5a69788"' "$T/masked"
	[ "$(sed 's/EC2_INSTANCE_001/i-0f1e2d3c4b5a69788/g' "$T/masked")" = "$(cat "$T/in")" ]
}

@test "mask --json: what is no JSON is refused, and nothing is written" {
	echo '{"a":i-0f1e2d3c4b5a69788' >"$T/in"
	just_out mask_file --json
	[ "$rc" -eq 1 ]
	[ -z "$out" ]
	[ -s "$T/err" ]
	lacks 0f1e2d3c4b5a69788 "$T/err"
}

@test "mask: more than 64 MiB is refused, and nothing is written" {
	truncate -s $((64 * 1024 * 1024 + 1)) "$T/in"
	just_out mask_file
	[ "$rc" -eq 1 ]
	[ -z "$out" ]
	grep -q '64 MiB' "$T/err"
}

@test "vault: key and file are the owner's alone; the file shows no value" {
	(umask 022 && echo i-0f1e2d3c4b5a69788 | ctl mask --vault "$T/v.db" >/dev/null)
	[ "$(stat -c %a "$T/v.db")" = 600 ]
	[ "$(stat -c %a "$T/v.db.key")" = 600 ]
	lacks 0f1e2d3c4b5a69788 "$T"/v.db*
}

@test "vault: another vault restores nothing; none and another key are refused" {
	echo i-0f1e2d3c4b5a69788 | ctl mask --vault "$T/v.db" >"$T/masked"
	just_out ctl unmask --vault "$T/w.db" <"$T/masked"
	[ "$rc" -eq 1 ]
	[ -z "$out" ]
	grep -q 'there is no such vault' "$T/err"
	[ ! -e "$T/w.db" ] && [ ! -e "$T/w.db.key" ]
	ctl mask --vault "$T/w.db" </dev/null
	ctl unmask --vault "$T/w.db" <"$T/masked" >"$T/back"
	cmp "$T/masked" "$T/back"
	cp "$T/w.db.key" "$T/v.db.key"
	just_out ctl unmask --vault "$T/v.db" <"$T/masked"
	[ "$rc" -eq 1 ]
	[ -z "$out" ]
	grep -q key "$T/err"
}

@test "ca: show before there is one, rotate, show, rotate again" {
	run ctl ca show
	[ "$status" -eq 1 ]
	run ctl ca rotate
	[ "$status" -eq 0 ]
	[[ "$output" == *"ca install"* ]]
	[ "$(stat -c %a "$T/ca/ca.key")" = 600 ]
	just_out ctl ca show --json
	[ "$(json 'j["ok"], j["trusted"]')" = "(True, False)" ]
	[ "$(json 'j["sha256"]')" = "$(openssl x509 -in "$T/ca/ca.pem" -noout -fingerprint -sha256 | cut -d= -f2)" ]
	local first
	first=$(json 'j["name"]')
	ctl ca rotate
	just_out ctl ca show --json
	[ "$(json 'j["name"]')" != "$first" ]
	[ -f "$T/ca/ca.pem.old" ]
}

@test "ca: install and remove, in a copy of the trust store" {
	cat >"$T/inside" <<-'END'
		set -eu
		mkdir "$T/ssl"
		cp -a /etc/ssl/. "$T/ssl"
		mount --bind "$T/ssl" /etc/ssl
		mkdir -p /usr/local/share/ca-certificates
		mount -t tmpfs none /usr/local/share/ca-certificates
		"$CTL" --config "$T/awsmask.yaml" ca install
		"$CTL" --config "$T/awsmask.yaml" ca show --json >"$T/installed"
		"$CTL" --config "$T/awsmask.yaml" ca remove
		"$CTL" --config "$T/awsmask.yaml" ca show --json >"$T/removed"
	END
	run unshare -m bash "$T/inside"
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	out=$(cat "$T/installed")
	[ "$(json 'j["trusted"]')" = True ]
	out=$(cat "$T/removed")
	[ "$(json 'j["trusted"]')" = False ]
}

@test "check: every line has id, state, text and advice; without a daemon it is not ok" {
	just_out ctl check --json
	[ "$rc" -eq 1 ]
	[ "$(json 'j["ok"], j["failed"] > 0')" = "(False, True)" ]
	[ "$(json '{"id","state","text","advice"} == set.intersection(*[set(c) for c in j["checks"]])')" = True ]
	[ "$(json 'len({c["id"] for c in j["checks"]}) == len(j["checks"])')" = True ]
	[ "$(json '{c["state"] for c in j["checks"]} <= {"ok","warning","failed"}')" = True ]
	[ "$(json '{c["id"]: c["state"] for c in j["checks"]}["masking"]')" = ok ]
	[ "$(json '{c["id"]: c["state"] for c in j["checks"]}["config"]')" = ok ]
	[ "$(json '{c["id"]: c["state"] for c in j["checks"]}["daemon"]')" = failed ]
	run find /tmp -maxdepth 1 -name 'awsmask-check-*'
	[ -z "$output" ]
}

@test "check: proxies that lead past awsmask are found, and their passwords not shown" {
	check_with() { # VARIABLE=VALUE STATE
		just_out env "$1" "$CTL" --config "$T/awsmask.yaml" check --json
		[ "$(json '{c["id"]: c["state"] for c in j["checks"]}["'"${1%%=*}"'"]')" = "$2" ] || {
			echo "$1 is not $2"
			false
		}
	}
	check_with HTTPS_PROXY=http://127.0.0.1:8080 warning
	check_with HTTPS_PROXY=localhost:3128 warning
	check_with 'HTTPS_PROXY=http://[::1]:3128/' warning
	check_with HTTPS_PROXY=http://192.0.2.7:3128 ok
	check_with HTTPS_PROXY=http://192.0.2.7:4444 warning
	check_with HTTPS_PROXY=http://joe:hunter2@192.0.2.7:4444 warning
	[[ "$out" != *hunter2* ]]
	check_with ANTHROPIC_BASE_URL=https://169.254.3.4/ warning
	check_with ANTHROPIC_BASE_URL=https://192.0.2.7 warning
	check_with ANTHROPIC_BASE_URL=https:// warning
	check_with CLAUDE_CODE_USE_BEDROCK=1 warning
	check_with CLAUDE_CODE_CERT_STORE=bundled warning
	check_with NODE_EXTRA_CA_CERTS=/nonexistent warning
}

@test "check: the CA's place and names are looked at" {
	ctl ca rotate
	just_out ctl check --json
	[ "$(json '[{c["id"]: c["state"] for c in j["checks"]}[i] for i in ("ca","ca-names","ca-end","ca-store")]')" = "['ok', 'ok', 'ok', 'failed']" ]
	echo 'targets: [llm.example.org]' >>"$T/awsmask.yaml"
	just_out ctl check --json
	[ "$(json '{c["id"]: c["state"] for c in j["checks"]}["ca-names"]')" = failed ]
}
