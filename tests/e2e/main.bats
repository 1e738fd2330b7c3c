#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The main job through curl: what leaves is masked, what comes back is restored, nothing else differs.

load helpers

@test "I1 I2 I3: a streamed answer comes back as it would without awsmask" {
	body --stream "$SENTENCE" >"$T/body"
	same "$T/body"
	grep -q "$INSTANCE" "$T/here.answer" || joined "$T/here.answer" | grep -q "$INSTANCE"
	only_values_differ "$T/body"
	grep -qE "$PLACEHOLDER" "$(place_received plain)"
}

@test "I2: deltas of every size, and writes of one byte, are put together again" {
	body --stream "$SENTENCE" >"$T/body"
	for how in delta=1 delta=2 delta=3 delta=5 delta=1000 "delta=4 chunk=1" "delta=3 chunk=all" "delta=1 chunk=7"; do
		same "$T/body" -H "x-scenario: echo $how"
	done
}

@test "I3 I4: a conversation that comes again is not scanned again, and leaves as it did before" {
	body --stream --pad 4000 "$SENTENCE" >"$T/body"
	same "$T/body"
	cp "$(place_received plain)" "$T/first"
	before=$(counter texts_recalled)
	same "$T/body"
	[ "$(counter texts_recalled)" -gt "$before" ]
	cmp "$T/first" "$(place_received plain)"
	only_values_differ "$T/body"
}

@test "I2: streams framed by length and by close" {
	body --stream "$SENTENCE" >"$T/body"
	same "$T/body" -H "x-scenario: echo frame=length"
	same "$T/body" -H "x-scenario: echo frame=close"
}

@test "I2: an answer that is compressed" {
	body --stream "$SENTENCE" >"$T/body"
	same "$T/body" --compressed -H "x-scenario: echo gzip=1"
	same "$T/body" --compressed -H "x-scenario: echo gzip=1 chunk=3 delta=2"
	body "$SENTENCE" >"$T/body"
	same "$T/body" --compressed -H "x-scenario: echo gzip=1"
}

@test "I2: an answer in one JSON object" {
	body "$SENTENCE" >"$T/body"
	same "$T/body"
	only_values_differ "$T/body"
}

@test "I2: text in other scripts, escapes within escapes, and text that looks like a placeholder" {
	body --stream "Instanz »$INSTANCE« läuft: \"C:\\new\\$INSTANCE\" \n{\"id\":\"$INSTANCE\\n$VPC\"} 日本 EC2_INSTANCE_001 and EC2_INSTANCE_77 😀" \
		>"$T/body"
	same "$T/body"
	same "$T/body" -H "x-scenario: echo delta=1 chunk=1"
}

@test "I1 I3: a gzipped request is opened, masked and gzipped again" {
	body --stream --pad 20000 "$SENTENCE" >"$T/body"
	gzip -c "$T/body" >"$T/body.gz"
	ask_twin twin "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: gzip' --data-binary "@$T/body.gz"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: gzip' --data-binary "@$T/body.gz"
	same_answers
	only_values_differ "$T/body"
	gzip -t <"$(place_received body)"
	grep -qi '^content-encoding: gzip' "$(place_received head)"
}

@test "I3: a gzipped request without values leaves with the very bytes it came with" {
	body --stream --pad 20000 "nothing to hide" >"$T/body"
	gzip -9 -c "$T/body" >"$T/body.gz"
	through requests ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: gzip' --data-binary "@$T/body.gz"
	cmp "$T/body.gz" "$(place_received body)"
}

@test "I3: a request without values leaves as it came, odd spacing and spelling included" {
	printf '{ "stream" :true,\t"max_tokens":1.50e+1,"model":"claude\\u002dtest",\n"messages":[{"content":"a\\/b \\u00e9","role":"user"} ] }' \
		>"$T/body"
	through requests same "$T/body"
	cmp "$T/body" "$(place_received body)"
}

@test "I3: the request's head arrives with its names, their case and their order" {
	body "$SENTENCE" >"$T/body"
	same "$T/body" -H 'X-Odd-Case: Yes' -H 'user-AGENT: none/1' -H 'x-empty;'
	for head in "$PLACE"/twin/*.head; do cp "$head" "$T/twin.sent"; done
	strip='^(accept-encoding|content-length|connection):'
	head_of() { tr -d '\r' <"$1" | sed 's/ *$//' | grep -ivE "$strip"; }
	expect "the head" "$(head_of "$T/twin.sent")" "$(head_of "$(place_received head)")"
}

@test "I2 I4: a tool call over two turns" {
	body --stream --tools Bash,Read "Look at $INSTANCE and $VPC in s3://$BUCKET. [[tool delta=4]]" >"$T/turn1"
	same "$T/turn1"
	joined "$T/here.answer" | grep '"tool_use"' | grep -q "echo $INSTANCE $VPC s3://$BUCKET"
	first=$(place_received plain)
	message next "$T/turn1" "$T/here.answer" >"$T/turn2"
	same "$T/turn2"
	joined "$T/here.answer" | grep -q "ran: .*$INSTANCE"
	# The second turn's body begins with the bytes of the first one's messages.
	second=$(place_received plain)
	[ "$first" != "$second" ]
	python3 - "$first" "$second" <<-'END'
		import json, sys
		one, two = (json.load(open(path)) for path in sys.argv[1:])
		assert two["messages"][:len(one["messages"])] == one["messages"], "the first turn is told otherwise"
	END
}

@test "I2: a tool's input, nested and torn at each byte" {
	body --stream --tools describe "Describe $INSTANCE and $VPC [[tool delta=1 chunk=1]]" >"$T/body"
	same "$T/body"
	joined "$T/here.answer" | grep '"tool_use"' | grep -q "$INSTANCE"
	body --tools describe "Describe $INSTANCE and $VPC [[tool]]" >"$T/body"
	same "$T/body"
}

@test "I5: a signed thinking block passes verbatim in both directions" {
	body --stream "Think about $INSTANCE [[think]]" >"$T/turn1"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/turn1"
	expect "the status" 200 "$(cat "$T/here.status")"
	joined "$T/here.answer" | grep '"thinking"' | grep -qE "$PLACEHOLDER"
	fails grep -q "$INSTANCE" <(joined "$T/here.answer" | grep '"type": "thinking"')
	joined "$T/here.answer" | grep '"text"' | grep -q "$INSTANCE"
	message next "$T/turn1" "$T/here.answer" >"$T/turn2"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/turn2"
	expect "the status of turn 2: $(cat "$T/here.answer")" 200 "$(cat "$T/here.status")"
}

@test "I2: the origin's errors arrive as they are: 400 401 403 404 413 429 500 529" {
	body --stream "$SENTENCE" >"$T/body"
	for status in 400 401 403 404 413 429 500 529; do
		same "$T/body" -H "x-scenario: error status=$status"
		expect "the status" "$status" "$(cat "$T/here.status")"
	done
}

@test "I2: an error in the middle of a stream, pings and comments" {
	body --stream "$SENTENCE" >"$T/body"
	same "$T/body" -H "x-scenario: late"
	same "$T/body" -H "x-scenario: pings n=3"
	[ "$(grep -c '^event: ping' "$T/twin.answer")" = "$(grep -c '^event: ping' "$T/here.answer")" ]
}

@test "a cut stream is seen as cut, a reset one as broken" {
	body --stream "$SENTENCE" >"$T/body"
	for kind in cut reset; do
		fails ask here "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: $kind" --data-binary "@$T/body"
		grep -qE '^curl: \((18|56|92)\)' "$T/here.error"
		grep -q 'event: content_block_delta' "$T/here.answer"
	done
	body --stream "and $INSTANCE goes on" >"$T/body"
	same "$T/body"
}

@test "events arrive while the origin is still silent" {
	body --stream "$SENTENCE" >"$T/body"
	fails ask here "$MESSAGES" --max-time 2 "${JSON_TYPE[@]}" -H "x-scenario: stall" --data-binary "@$T/body"
	grep -q '^curl: (28)' "$T/here.error"
	grep -q 'event: message_start' "$T/here.answer"
}

@test "keep-alive: two requests over one connection" {
	body "$SENTENCE" >"$T/body"
	place_client curl -sS --max-time 20 -o "$T/1" -w '%{http_code} %{num_connects}\n' "$MESSAGES" "${JSON_TYPE[@]}" \
		--data-binary "@$T/body" --next -sS --max-time 20 -o "$T/2" -w '%{http_code} %{num_connects}\n' "$MESSAGES" \
		"${JSON_TYPE[@]}" --data-binary "@$T/body" >"$T/said"
	expect "status and new connections" "200 1
200 0" "$(cat "$T/said")"
	cmp "$T/1" "$T/2"
	grep -q "$INSTANCE" "$T/2"
}

@test "HTTP/1.0, TLS 1.2 and 1.3, IPv4 and IPv6" {
	body "$SENTENCE" >"$T/body"
	same "$T/body" --http1.0
	same "$T/body" --tls-max 1.2
	same "$T/body" --tlsv1.3
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --resolve "$TARGET:443:[$ORIGIN6]" --data-binary "@$T/body"
	same_answers
	grep -q "$ORIGIN6\|2001:db8" "$(place_received json)"
}

@test "a body of 5 MB, plain and gzipped" {
	body --stream --pad 5000000 "$SENTENCE" >"$T/body"
	same "$T/body"
	only_values_differ "$T/body"
	gzip -1 -c "$T/body" >"$T/body.gz"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: gzip' --data-binary "@$T/body.gz"
	same_answers
}

@test "an answer of 5 MB" {
	body --stream "$SENTENCE" >"$T/body"
	same "$T/body" -H "x-scenario: large n=25000"
	body "$SENTENCE" >"$T/body"
	same "$T/body" -H "x-scenario: large n=25000"
}

@test "a chunked request, and one with Expect: 100-continue" {
	body --stream "$SENTENCE" >"$T/body"
	same "$T/body" -H 'transfer-encoding: chunked'
	grep -qi '^content-length:' "$(place_received head)"
	same "$T/body" -H 'expect: 100-continue'
}

@test "HEAD, GET, and a body-less POST" {
	for way in "-I /api/hello" "/api/hello" "-X POST /api/nothing" "-I /text" "/text" "/bytes"; do
		# shellcheck disable=SC2086 # an option and a path
		set -- $way
		ask_twin twin "${@:1:$#-1}" "https://$TARGET${!#}"
		through requests ask here "${@:1:$#-1}" "https://$TARGET${!#}"
		message same_head "$T/twin" "$T/here"
		cmp "$T/twin.answer" "$T/here.answer" || [ "$1" = -I ]
	done
}

@test "count_tokens is masked like a message" {
	body "$SENTENCE" >"$T/body"
	ask here "$MESSAGES/count_tokens?beta=true" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	expect "the status" 200 "$(cat "$T/here.status")"
	grep -q '"input_tokens"' "$T/here.answer"
	only_values_differ "$T/body"
}

@test "I1: values in the path, the query and other kinds of bodies" {
	ask here "https://$TARGET/api/info?id=$INSTANCE&next=s3%3A%2F%2F$BUCKET%2Fa"
	expect "the status" 200 "$(cat "$T/here.status")"
	ask here "https://$TARGET/text" -H 'content-type: text/plain' --data-binary "$SENTENCE"
	expect "the text" "$SENTENCE" "$(cat "$T/here.answer")"
	ask here "https://$TARGET/v1/files" -F "purpose=notes about $INSTANCE" -F "file=@-;filename=$INSTANCE.txt;type=text/plain" \
		<<<"$SENTENCE"
	ask here "https://$TARGET/form" --data-urlencode "text=$SENTENCE"
	ask here "https://$TARGET/x" -H 'content-type:' --data-binary "{\"deep\":[[{\"$INSTANCE\":\"$VPC\"}]]}"
	[ "$(place_requests)" -gt 0 ]
}

@test "I2: a redirect names what the client knows" {
	body "look for $INSTANCE" >"$T/body"
	same "$T/body" -H "x-scenario: location"
	grep -q "$INSTANCE" "$T/here.head"
}

@test "I4: the same value has the same placeholder in every request and connection" {
	for turn in 1 2 3; do
		body "once more: $INSTANCE" >"$T/body"
		ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
		grep -oE "$PLACEHOLDER" "$(place_received plain)" >"$T/turn.$turn"
	done
	cmp "$T/turn.1" "$T/turn.2"
	cmp "$T/turn.2" "$T/turn.3"
}

@test "sixty clients at once" {
	: >"$T/config"
	for n in $(seq 60); do
		printf '{"model":"m","stream":true,"messages":[{"role":"user","content":"stream %d about %s and %s"}]}' "$n" \
			"$INSTANCE" "10.83.$n.$n" >"$T/body.$n"
		printf 'url = "%s"\nheader = "content-type: application/json"\ndata-binary = "@%s"\noutput = "%s"\nsilent\nmax-time = 50\nnext\n' \
			"$MESSAGES" "$T/body.$n" "$T/answer.$n" >>"$T/config"
	done
	sed -i '$d' "$T/config"
	place_client curl -s --parallel --parallel-immediate --parallel-max 60 -K "$T/config"
	for n in {1..60}; do
		echo "stream $n about $INSTANCE and 10.83.$n.$n\""
	done >"$T/wanted"
	joined "$T"/answer.{1..60} | grep -oE 'stream [0-9]+ about [^"]*"' | diff "$T/wanted" -
	mapfile -t addresses < <(grep -oE '10\.83\.[0-9.]+' "$T/wanted")
	no_leak "${addresses[@]}"
}

@test "I8: no value in what the daemon says, in what it tells, or readable in what it stores" {
	works # so there is something to keep
	place_ctl status --json >"$T/status"
	[ "$(counter masked)" -gt 0 ]
	place_in admin sh -c 'ls -l /var/lib/awsmask /var/lib/awsmask/ca; cat /var/lib/awsmask/vault.db* | strings -n 6' >"$T/stored"
	for value in "${VALUES[@]}"; do
		fails grep -qF "$value" "$PLACE/daemon.log" "$T/status" "$T/stored"
	done
	[ -z "$(place_in admin find /var/lib/awsmask -name '*.key' -perm /077)" ]
	[ -z "$(place_in admin find /var/lib/awsmask -name 'vault*' -perm /007)" ]
	place_as 4001 openssl x509 -in /var/lib/awsmask/ca/ca.pem -noout
}

@test "I10: what reads the network has no privilege" {
	worker=$(worker_of)
	[ -n "$worker" ]
	[ "$(awk '/^CapEff/ { print $2 }' "/proc/$worker/status")" = 0000000000000000 ]
	[ "$(awk '/^CapPrm/ { print $2 }' "/proc/$worker/status")" = 0000000000000000 ]
	[ "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$worker/status")" = 1 ]
	[ "$(awk '/^Seccomp:/ { print $2 }' "/proc/$worker/status")" = 2 ]
	[ "$(awk '/^Uid/ { print $2 }' "/proc/$worker/status")" != 0 ]
	fails place_in admin setpriv --reuid "$(awk '/^Uid/ { print $2 }' "/proc/$worker/status")" --clear-groups \
		cat /var/lib/awsmask/ca/ca.key
}

@test "a client that ends its sending side gets the answers to what it asked" {
	for kind in plain tls; do
		through requests place_client python3 -B "$LIB_DIR/crowd.py" ended "$TARGET" "$kind" >"$T/said"
		expect "answers" 2 "$(grep -c '^HTTP/1.1 200' "$T/said")"
		expect "bodies" 2 "$(grep -c 'as plain as it gets' "$T/said")"
	done
}

@test "the daemon stops in order, and no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
