#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# When something is wrong, requests are refused in words, and no value leaves.

load helpers

setup_file() {
	place_with_daemon 'limits: {body: 1MiB}'
}

@test "I1: a body above the limit is refused with 413, and the next request works" {
	body --pad 1500000 "$SENTENCE" >"$T/big"
	before=$(place_requests)
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/big" || true
	an_error 413 request_too_large "limit"
	expect "requests at the origin" "$before" "$(place_requests)"
	gzip -c "$T/big" >"$T/big.gz"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: gzip' --data-binary "@$T/big.gz" || true
	an_error 413 request_too_large "limit"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'transfer-encoding: chunked' --data-binary "@$T/big" || true
	an_error 413 request_too_large "limit"
	expect "requests at the origin" "$before" "$(place_requests)"
	body "$SENTENCE" >"$T/body"
	same "$T/body"
}

@test "I1: what cannot be read is refused with 400" {
	before=$(place_requests)
	body "$SENTENCE" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: br' --data-binary "@$T/body"
	an_error 400 invalid_request_error "Content-Encoding"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: gzip' --data-binary "@$T/body"
	an_error 400 invalid_request_error "awsmask"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "{\"broken\": \"$INSTANCE"
	an_error 400 invalid_request_error "JSON"
	head -c 3000 /dev/urandom >"$T/noise"
	ask here "https://$TARGET/v1/files" -H 'content-type: application/octet-stream' --data-binary "@$T/noise"
	an_error 400 invalid_request_error "binary"
	ask here "https://$TARGET/socket" -H 'connection: upgrade' -H 'upgrade: websocket' -H 'sec-websocket-key: eA=='
	an_error 400 invalid_request_error "protocol"
	ask here "https://$TARGET/text" -H "host: $OTHER"
	an_error 421 invalid_request_error "Host"
	expect "requests at the origin" "$before" "$(place_requests)"
}

@test "an origin that cannot be reached is a 502 in words" {
	place_origin_stop
	body "$SENTENCE" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" || true
	place_origin_start
	an_error 502 api_error "origin"
	same "$T/body"
}

@test "an origin whose certificate does not fit gets nothing" {
	body "$SENTENCE" >"$T/body"
	before=$(place_requests)
	mv "$PLACE/certs/$TARGET.pem" "$T/pem" && mv "$PLACE/certs/$TARGET.key" "$T/key"
	cp "$PLACE/certs/$OTHER.pem" "$PLACE/certs/$TARGET.pem" && cp "$PLACE/certs/$OTHER.key" "$PLACE/certs/$TARGET.key"
	place_origin_stop && place_origin_start
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" || true
	mv "$T/pem" "$PLACE/certs/$TARGET.pem" && mv "$T/key" "$PLACE/certs/$TARGET.key"
	place_origin_stop && place_origin_start
	an_error 400 api_error "certificate"
	expect "requests at the origin" "$before" "$(place_requests)"
	same "$T/body"
}

@test "a client that does not trust the CA says so, and nothing leaves" {
	before=$(place_requests)
	fails ask here "$MESSAGES" --cacert "$PLACE/origin-ca.pem" --capath /nowhere "${JSON_TYPE[@]}" --data-binary "$SENTENCE"
	grep -q '^curl: (60)' "$T/here.error"
	expect "requests at the origin" "$before" "$(place_requests)"
	grep 'event=handshake-failed' "$PLACE/daemon.log" | tail -n 1 | grep -q 'why=".* unknown ca" hint="does this client trust'
}

@test "a client that takes nothing that is offered is told so, and so is who reads the log" {
	fails place_client openssl s_client -connect "$TARGET:443" -servername "$TARGET" -alpn h2 </dev/null >"$T/said" 2>&1
	grep -q 'alert no application protocol' "$T/said"
	grep 'event=handshake-failed' "$PLACE/daemon.log" | tail -n 1 |
		grep -q 'why="no application protocol" hint="this client takes none'
}

@test "I7: with the vault's disk full a new value is refused with 400, and nothing was sent" {
	body "$SENTENCE" >"$T/known"
	same "$T/known"
	vault_disk_full
	before=$(place_requests)
	python3 -c 'print(" ".join("i-%017x" % (0xabc0000000 + 7919 * n) for n in range(6000)))' >"$T/many"
	body "$(cat "$T/many")" >"$T/new"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/new" || true
	vault_disk_free
	an_error 400 api_error "vault"
	expect "requests at the origin" "$before" "$(place_requests)"
	no_leak "i-0000000abc0000000"
	same "$T/known"
	body "$(cut -d' ' -f1-50 "$T/many")" >"$T/new"
	same "$T/new"
	no_leak "i-0000000abc0000000"
}

@test "a bad configuration is a sentence and exit status 1" {
	for bad in 'mode: enforced' 'modus: enforce' 'ports: [0]' 'limits: {body: lots}' '{' 'targets: []'; do
		echo "$bad" >"$PLACE/bad.yaml"
		run -1 place_in admin "$BUILD/awsmaskd" --config "$PLACE/bad.yaml"
		[[ $output == *bad.yaml* ]]
		run -1 place_in admin "$BUILD/awsmaskd" --config "$PLACE/bad.yaml" --check-config
	done
	run -1 place_in admin "$BUILD/awsmaskd" --config "$PLACE/no-such-file.yaml"
	[[ $output == *no-such-file.yaml* ]]
	run -2 place_in admin "$BUILD/awsmaskd" --no-such-option
}

# Each mapping that the origin has seen is restored to its value.
mappings_kept() { # TAG
	local told wanted
	told=$(cat "$PLACE"/log/*.plain | grep -oE "stream [0-9]+ sees $PLACEHOLDER" | sort -u)
	[ -n "$told" ] || return 0
	wanted=$(while read -r _ n _; do echo "stream $n sees $(value_of "$1" "$n")"; done <<<"$told")
	body "so?" >"$T/body"
	ask here "$MESSAGES" "${JSON_TYPE[@]}" -H "x-scenario: $(say "$told")" --data-binary "@$T/body" || return 1
	expect "what the placeholders stand for" "$wanted" \
		"$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["content"][0]["text"])' "$T/here.answer")"
}

@test "I1 I7: kill -9 of the worker amid ${AWSMT_STREAMS:-100} streams: no value out, no mapping lost, the next request works" {
	for round in $(seq "${AWSMT_KILLS:-2}"); do
		rm -f "$PLACE"/log/*
		streams "$round" "${AWSMT_STREAMS:-100}" 200 &
		streams=$!
		place_wait 15 sh -c "ls $PLACE/log/*.plain | wc -l | grep -qE '^[0-9]{2,}'" || true
		sleep "0.$((RANDOM % 10))" # anywhere in their course
		kill -9 "$(worker_of)"
		wait $streams || true
		place_wait 2 works
		no_leak "$(value_of "$round" 1)" "$(value_of "$round" 50)" "$(value_of "$round" 100)"
		fails grep -qE 'i-0[0-9a-f]{16}' "$PLACE"/log/*.raw
		mappings_kept "$round"
	done
}

@test "I1: kill -9 of the whole daemon: refused, and after the start as before" {
	body "$SENTENCE" >"$T/body"
	same "$T/body"
	before=$(place_requests)
	place_kill "$DAEMON_CGROUP"
	fails ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	grep -qE '^curl: \((7|28)\)' "$T/here.error"
	expect "requests at the origin" "$before" "$(place_requests)"
	# Nobody can stand in for it: a listener on its port without its mark is not connected to.
	place_in admin timeout 5 python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 15443)); s.settimeout(3); s.accept(); print("squatted")' >"$T/squat" 2>/dev/null &
	squatter=$!
	place_wait 3 place_in admin sh -c 'grep -q ":3C53 00000000:0000 0A" /proc/net/tcp'
	fails ask here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	wait $squatter || true
	[ ! -s "$T/squat" ]
	place_daemon_start
	same "$T/body"
}

@test "no sanitizer complained" {
	place_daemon_stop
	sanitizer_silent
}
