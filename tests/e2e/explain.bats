#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# awsmaskctl test on hard texts: every decision is explained so that somebody who does not know the rules
# understands it. The sentences are what is tested; the identifiers are made up.

setup() {
	CTL="$BUILD/awsmaskctl"
	T=$(mktemp -d)
	echo 'mode: enforce' >"$T/awsmask.yaml"
	export T CTL
}

teardown() {
	rm -rf "$T"
}

# Explain a text into $T/out.
explain() {
	"$CTL" --config "$T/awsmask.yaml" test "$@" >"$T/out"
}

# Each argument stands somewhere in the explanation.
says() {
	local words
	for words in "$@"; do
		grep -qF -e "$words" "$T/out" || {
			echo "not said: $words"
			cat "$T/out"
			return 1
		}
	done
}

# What this Python expression says of the JSON explanation of a text, as j.
json() { # EXPRESSION TEXT...
	local expression=$1
	shift
	"$CTL" --config "$T/awsmask.yaml" test --json "$@" >"$T/json"
	python3 -c 'import json,sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$T/json" "$expression"
}

@test "explain: escapes inside escapes" {
	explain '{"out":"{\"log\":\"up\\\\ni-0f3a91c27be54d860\\u0022vol-0a1b2c3d\"}"}'
	says '\\\\n[1:i-0f3a91c27be54d860]\\u0022[2:vol-0a1b2c3d]' \
		'masked as EC2_INSTANCE_001: EC2 instance id' \
		'It begins with `i-`, and 8 or 17 hexadecimal digits follow.' \
		'What stands directly before it, `\\\\n`, is an escape and not a part of it.' \
		'What stands directly before it, `\\u0022`, is an escape and not a part of it.'
}

@test "explain: an ARN, its account and its role" {
	explain 'assume arn:aws:iam::734019286651:role/tidewater-deployer'
	says 'arn:aws:iam::[1:734019286651]:role/[2:tidewater-deployer]' \
		'1  line 1, column 21, bytes 20 to 31: 734019286651' \
		'masked as AWS_ACCOUNT_001: AWS account id' \
		'It stands in the ARN `arn:aws:iam::734019286651:role/tidewater-deployer`, where the account id stands.' \
		'It stands in the ARN `arn:aws:iam::734019286651:role/tidewater-deployer`, where the name of a resource stands.'
	explain 'arn:aws:iam::aws:policy/ReadOnlyAccess and arn:aws:s3:::${name}/*'
	says 'The ARN names nothing of yours: it is AWS'"'"'s own, or has wildcards or templates where names would be.'
	[ "$(grep -c 'names nothing of yours' "$T/out")" -eq 2 ]
}

@test "explain: the host of a container registry" {
	explain 'docker pull 734019286651.dkr.ecr.eu-west-1.amazonaws.com/tide/gauge:1.4'
	says '[1:734019286651].dkr.ecr.eu-west-1.amazonaws.com/[2:tide/gauge]:1.4' \
		'`.dkr.ecr.eu-west-1.amazonaws.com/tide/gauge` behind it says that it is an AWS account id.' \
		'`734019286651.dkr.ecr.eu-west-1.amazonaws.com/` before it says that it is an ECR repository name.'
}

@test "explain: a bucket in prose, known from s3:// elsewhere" {
	printf 'The archive is corvid-ledger, see\naws s3 ls s3://corvid-ledger/ and not corvid-ledger-2.\ns3://logs/ has logs\n' |
		explain
	says 'It is the same value as at line 2, column 16: found there, it is masked wherever it stands as a whole word.' \
		'`s3://` before it says that it is an S3 bucket name.' \
		'The same value as at line 2, column 16 stands in it, but it goes on: it is another name.' \
		'`s3://` before it says that it is an S3 bucket name. Elsewhere it would not be masked: it is shorter than 6 bytes.' \
		'nothing beside it says so here, and it is not learned: it is shorter than 6 bytes.'
	explain 'bucket = "ledger"'
	says 'not found; it might be taken for S3_BUCKET: S3 bucket name' \
		'`bucket = "` before it announces an S3 bucket name, but this is a plain word, which may mean anything.'
}

@test "explain: a secret key, beside its id and alone" {
	local key=p9Xq2LmN4vBcD8eFgH1jK3sRtUwYzA5Z7oI0aQ/x
	explain "AKIAQ7ZR2MNB5KXDW3VT,$key"
	says 'It has the form of an access key id: four letters that say which kind, and 16 capitals and digits.' \
		'masked as SECRET_ACCESS_KEY_001: AWS secret access key' \
		'It follows an access key id, as in the file that the console gives out.'
	explain "it said $key to me"
	says 'Forty such characters may be a secret access key, but neither an access key id nor a word such as `secret_key` stands before them.'
	explain "secret_access_key = ${key%?}"
	says '`secret_access_key = ` before it announces an AWS secret access key, but this does not have the form of one: 40 letters, digits, `/` and `+`. It has 39 characters.'
}

@test "explain: a UUID, with a key's name before it and without" {
	explain 'key-id 3f2a9c10-77aa-4b1e-9c3d-0a1b2c3d4e5f, run 51d0aa27-09be-4c3f-8f64-6c7e2b91d3aa'
	says 'masked as KMS_KEY_001: KMS key id' \
		'`key-id ` before it says that it is a KMS key id.' \
		'A UUID may be a KMS key id, but nothing before it says so, such as `key`, `key-id` or an ARN.'
}

@test "explain: a version number that looks like an address" {
	explain 'on 10.4.2.1, but database 10.4.3.1, 10.4.4.1.9, 3.10.4.5.1, 10.0.0.0/8 and 9.9.9.9'
	says 'masked as PRIVATE_IPV4_001: private IPv4 address' \
		'It is an address out of a private block (RFC 1918, RFC 6598), and no word before it makes it a version number.' \
		'It could be a private address, but the word before it makes it a version number.' \
		'It has the form of a private IPv4 address, but the number goes on behind it, as in a version.' \
		'It has the form of a private IPv4 address, but the number goes on before it, as in a version.' \
		"The whole private block is everybody's: it says nothing about your network." \
		'It is not a private address: only those of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and 100.64.0.0/10 are masked.'
}

@test "explain: an example of AWS's documentation" {
	explain 'account 111122223333 has AKIAIOSFODNN7EXAMPLE'
	says 'account {1:111122223333} has {2:AKIAIOSFODNN7EXAMPLE}' \
		'left as it is; found as AWS_ACCOUNT: AWS account id' \
		"It is a value of AWS's own documentation and nobody's secret; \`keep_examples: false\` would mask it."
	[ "$(json 'j["masked"]' 'account 111122223333 has AKIAIOSFODNN7EXAMPLE')" = \
		'account 111122223333 has AKIAIOSFODNN7EXAMPLE' ]
	[ "$(json '"EXAMPLE" in j["items"][1]["why"] or "documentation" in j["items"][1]["why"]' 'account 111122223333 has AKIAIOSFODNN7EXAMPLE')" = True ]
}

@test "explain: twelve digits, in company and alone" {
	explain 'order 734019286651, account 482910573641, account 48291057364'
	says 'order {1:734019286651}, account [2:482910573641], account {3:48291057364}' \
		'Twelve digits are an account id only in company: nothing beside them says so, such as the word `account`, an ARN' \
		'`account ` before it says that it is an AWS account id.' \
		'`account ` before it announces an AWS account id, but this does not have the form of one: 12 digits, or 4-4-4 with dashes. It has 11 characters.'
}

@test "explain: text that looks like a placeholder" {
	explain 'tell me about EC2_INSTANCE_001'
	says 'masked as LITERAL_001: text that already looks like a placeholder' \
		'It looks like a placeholder already. It gets one of its own, so that it comes back as it was.'
}

@test "explain: colours, and nothing that would move the cursor on the way out" {
	printf '\033[1;31mvol-0a1b2c3d\033[0m at \033[7m10.83.17.204\033[0m \xff' | explain
	says '\x1b[1;31m[1:vol-0a1b2c3d]\x1b[0m' \
		'What stands directly before it, `\x1b[1;31m`, is an escape and not a part of it.' \
		'What stands directly before it, `\x1b[7m`, is an escape and not a part of it.'
	run grep -c $'[\x1b\xff]' "$T/out"
	[ "$output" = 0 ]
}

@test "explain: an identifier that is a little wrong" {
	explain 'vol-0a1b2c3 xvol-0a1b2c3d vol-0a1b2c3dz'
	says 'It begins with `vol-` as an EBS volume id does, but does not go on as one: 8 or 17 hexadecimal digits would have to follow.' \
		'It has the form of an EBS volume id, but `x` stands directly before it: it is a part of something longer.' \
		'It has the form of an EBS volume id, but `z` follows directly: it is a part of something longer.'
}

@test "explain: a request's body, with its signed block" {
	cat >"$T/body" <<-'END'
		{"messages":[{"role":"user","content":"see vol-0a1b2c3d"},{"role":"assistant","content":[
		{"type":"thinking","thinking":"vol-0b1b2c3d it is","signature":"c2lnbmVk"},{"type":"text","text":"x"}]}]}
	END
	explain --body <"$T/body"
	says 'see [1:vol-0a1b2c3d]' '{2:vol-0b1b2c3d} it is' \
		'It stands where the API wants the text as it is: in a signed block, an id or a word of its own, or base64. Such places are never changed.'
	local rc=0
	explain --body 'no JSON' 2>"$T/err" || rc=$?
	[ "$rc" -eq 1 ]
	grep -q 'JSON' "$T/err"
}

@test "explain: own types, lists, and the lines of the policy" {
	cat >"$T/awsmask.yaml" <<-'END'
		types:
		  secret: block
		  PRIVATE_IPV4: {action: mask, targets: {claude.ai: allow}}
		  TICKET: {expression: 'TICK-[0-9]{6}'}
		  CODENAME: {literals: [Falcon, "Blue Heron"]}
		  VPC: observe
		allow: {literals: ["10.96.0.1"]}
	END
	explain 'TICK-123456 and TICK-1234567 for Falcon at 10.96.0.1 and 10.96.0.2 in vpc-0a1b2c3d with AKIAQ7ZR2MNB5KXDW3VT'
	says 'masked as TICKET_001: type of your own' \
		'The expression that the configuration gives for TICKET matches it. (rule: your own)' \
		'It has the form of your type TICKET, but `7` follows directly: it is a part of something longer.' \
		'masked as CODENAME_001: type of your own' \
		'It stands in the list that the configuration gives for CODENAME. (rule: your own list)' \
		'left as it is; found as PRIVATE_IPV4' \
		'It is one of the values that the configuration lists under `allow`.' \
		"masked as PRIVATE_IPV4_001: private IPv4 address (RFC 1918, RFC 6598) (types.PRIVATE_IPV4, $T/awsmask.yaml:3)" \
		"counted and left as it is, as VPC: VPC id (types.VPC, $T/awsmask.yaml:6)" \
		'It is found and counted, but the configuration has `observe` for its type.' \
		"blocks the whole request, as ACCESS_KEY_ID: AWS access key id (types.secret, $T/awsmask.yaml:2)" \
		'blocked: 1; the whole request would be refused, and nothing of it sent'
	[ "$(json '(j["refused"], j["masked"], j["items"][-1]["action"], j["items"][-1]["placeholder"])' 'x AKIAQ7ZR2MNB5KXDW3VT')" = \
		"(True, None, 'block', None)" ]
	explain --target claude.ai 'at 10.96.0.2'
	says "left as it is; found as PRIVATE_IPV4: private IPv4 address (RFC 1918, RFC 6598) (types.PRIVATE_IPV4, $T/awsmask.yaml:3)" \
		'The configuration leaves this type alone: `PRIVATE_IPV4: mask` would mask it.'
	local rc=0
	explain --target llm.example.org 'at 10.96.0.2' 2>"$T/err" || rc=$?
	[ "$rc" -eq 1 ]
	grep -q 'llm.example.org is not one of the configured `targets`' "$T/err"
	rc=0
	echo 'types: {NOSUCH: mask}' >"$T/awsmask.yaml"
	explain x 2>"$T/err" || rc=$?
	[ "$rc" -eq 1 ]
	grep -q 'awsmask.yaml:1:' "$T/err"
}

@test "explain: what mode observe means for it" {
	echo 'mode: observe' >"$T/awsmask.yaml"
	explain 'vpc-0a1b2c3d'
	says 'masked as VPC_001' 'has `mode: observe`: all of this is only counted'
	[ "$(json 'j["observe"]' x)" = True ]
}

@test "explain: the same facts as JSON, and places in bytes, lines and characters" {
	local text=$'\xc3\xa4 vol-0a1b2c3d\n order 734019286651'
	[ "$(json 'j["ok"]' "$text")" = True ]
	[ "$(json 'j["masked"]' "$text")" = $'\xc3\xa4 EBS_VOLUME_001\n order 734019286651' ]
	[ "$(json '[(i["start"], i["end"], i["line"], i["column"], i["text"], i["type"], i["action"], i["placeholder"], i["rule"]) for i in j["items"]]' "$text")" = \
		"[(3, 15, 1, 3, 'vol-0a1b2c3d', 'EBS_VOLUME', 'mask', 'EBS_VOLUME_001', 'volume'), (23, 35, 2, 8, '734019286651', 'AWS_ACCOUNT', 'none', None, None)]" ]
	[ "$(json 'all(i["why"] and i["description"] for i in j["items"])' "$text")" = True ]
	printf '\xff vol-0a1b2c3d' >"$T/in"
	"$CTL" test --json - <"$T/in" >"$T/json"
	[ "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["masked"])' "$T/json")" = $'\xef\xbf\xbd EBS_VOLUME_001' ]
}

@test "explain: nothing is stored, and a text that is too long is refused" {
	local rc=0
	(cd "$T" && "$CTL" --config "$T/awsmask.yaml" test 'vol-0a1b2c3d' >/dev/null)
	[ "$(ls "$T")" = awsmask.yaml ]
	head -c 1048577 /dev/zero | tr '\0' x | explain 2>"$T/err" || rc=$?
	[ "$rc" -eq 1 ]
	grep -q 'larger than 1 MiB' "$T/err"
	explain ''
	says 'masked: 0'
	rc=0
	explain a b 2>"$T/err" || rc=$?
	[ "$rc" -eq 2 ]
}
