#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Enrolled processes in network namespaces other than the daemon's: containers.

load helpers

setup_file() {
	place_with_daemon ''
	mkdir "$PLACE_CGROUP/other"
}

setup() {
	CLIENT=client
}

# A network namespace, kept by a process in CGROUP: pod_new NAME CGROUP
pod_new() {
	in_background "$PLACE/pod.log" "$2" nsenter -t "$(<"$PLACE/host.pid")" -m -- unshare -n \
		sh -c 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec sleep infinity' "$PLACE/$1.pod"
	place_wait 5 test -s "$PLACE/$1.pod"
}

# Its own way to the origin: pod_wire NAME N
pod_wire() {
	local pid
	pid=$(<"$PLACE/$1.pod")
	ip link add eth0 netns "$pid" type veth peer name "pod$2" netns "$(<"$PLACE/origin.pid")" &&
		nsenter -t "$(<"$PLACE/origin.pid")" -n sh -c "ip addr add 203.0.113.$((4 * $2 + 1))/30 dev pod$2 &&
			ip addr add 2001:db8:77:$2::1/64 dev pod$2 nodad && ip link set pod$2 up" &&
		nsenter -t "$pid" -n sh -c "ip addr add 203.0.113.$((4 * $2 + 2))/30 dev eth0 &&
			ip addr add 2001:db8:77:$2::2/64 dev eth0 nodad && ip link set eth0 up &&
			ip route add default via 203.0.113.$((4 * $2 + 1)) && ip route add default via 2001:db8:77:$2::1"
}

pod_end() { # NAME
	kill "$(<"$PLACE/$1.pod")"
	rm "$PLACE/$1.pod"
}

# A command in the namespace $POD and the cgroup $CLIENT.
in_pod() {
	in_cgroup "$CLIENT" timeout -k 2 30 nsenter -t "$(<"$PLACE/host.pid")" -m -- nsenter -t "$(<"$PLACE/$POD.pod")" \
		-n -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$PLACE" LANG=C.UTF-8 "$@"
}

ask_pod() { # NAME curl-arguments...
	curl_as in_pod "$@"
}

# One request to a target, by its first connect.
pod_works() {
	body "$SENTENCE" >"$T/body"
	ask_pod here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body" "$@" || {
		cat "$T/here.error"
		return 1
	}
	expect "the status" 200 "$(cat "$T/here.status")"
	joined "$T/here.answer" | grep -qF "$SENTENCE"
}

# Connect until that works; says how many milliseconds after it was first refused.
pod_connect() {
	in_pod python3 -c '
import socket, sys, time
begin = time.monotonic()
while time.monotonic() - begin < 10:
    try:
        socket.create_connection((sys.argv[1], 443), 5).close()
        print(int((time.monotonic() - begin) * 1000))
        sys.exit(0)
    except ConnectionRefusedError:
        time.sleep(0.002)
sys.exit("refused for ten seconds")' "$TARGET"
}

inode_of() { # NAME
	stat -L -c %i "/proc/$(<"$PLACE/$1.pod")/ns/net"
}

scopes() {
	place_ctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["vault"]["scopes"])'
}

descriptors_at_most() {
	[ "$(descriptors)" -le "$1" ]
}

pod_gone() { # N: the other end of its wire went with it
	fails nsenter -t "$(<"$PLACE/origin.pid")" -n ip link show "pod$1"
}

descriptors() {
	local pid
	for pid in $(daemon_processes | cut -d' ' -f1); do
		find "/proc/$pid/fd" -mindepth 1
	done | wc -l
}

@test "I1: a namespace that comes later is refused until awsmask listens there, for milliseconds" {
	pod_new later client
	pod_wire later 1
	POD=later
	ms=$(pod_connect)
	echo "# refused for $ms ms" >&3
	[ "$ms" -lt 1000 ]
	pod_works
	expect_match "where it came from" '"203.0.113.6"' "$(cat "$(place_received json)")"
	only_values_differ "$T/body"
	pod_works -6 --resolve "$TARGET:443:[$ORIGIN6]"
	expect_match "where it came from" '"2001:db8:77:1::2"' "$(cat "$(place_received json)")"
}

@test "one that is there when its cgroup is enrolled is served from the first connect" {
	pod_new before other
	pod_wire before 2
	place_ctl enroll "$PLACE_CGROUP/other"
	CLIENT=other POD=before
	pod_works
	expect_match "where it came from" '"203.0.113.10"' "$(cat "$(place_received json)")"
}

@test "status, list and check name the namespaces that are served" {
	inode=$(inode_of before)
	place_ctl status | grep -qE "^namespaces .*\b$inode\b"
	for command in status list; do
		place_ctl $command --json | python3 -c '
import json, sys
assert int(sys.argv[1]) in json.load(sys.stdin)["namespaces"]' "$inode"
	done
	run place_ctl check
	expect_match "what is said" "2 other network namespaces are served, too:.* net:\[$inode\]" "$output"
}

@test "another user of the host is that user there, too" {
	POD=before CLIENT=other
	before=$(scopes)
	body "$SENTENCE" >"$T/body"
	in_pod setpriv --reuid 4711 --regid 4711 --clear-groups curl -sS --max-time 20 \
		"$MESSAGES" "${JSON_TYPE[@]}" --data-binary @- <"$T/body" >"$T/4711"
	joined "$T/4711" | grep -qF "$SENTENCE"
	expect "scopes" $((before + 1)) "$(scopes)"
}

@test "a host that is no target is passed through from there, too" {
	POD=before
	through flows_spliced ask_pod here "http://$OTHER/text" -H 'content-type: text/plain' --data-binary "hello"
	expect "the answer" hello "$(cat "$T/here.answer")"
	expect_match "where it came from" '"203.0.113.10"' "$(cat "$(place_received json)")"
}

@test "a namespace without a network gets none" {
	pod_new alone client
	POD=alone
	CLIENT=direct run in_pod curl -sS --max-time 5 -o /dev/null "http://$OTHER/text"
	expect_match "without awsmask" "Network is unreachable|Failed to connect" "$output"
	pod_connect
	before=$(place_requests)
	body "$SENTENCE" >"$T/body"
	ask_pod here "$MESSAGES" "${JSON_TYPE[@]}" --data-binary "@$T/body"
	an_error 502 api_error "reach"
	fails ask_pod here "http://$OTHER/text"
	fails ask_pod here "https://$OTHER/text"
	expect "requests" "$before" "$(place_requests)"
}

rootless_sleeper() {
	local pid
	while read -r pid; do
		[ "$(stat -c %u "/proc/$pid"):$(cat "/proc/$pid/comm")" != 4712:sleep ] || echo "$pid"
	done <"$PLACE_CGROUP/client/cgroup.procs" | grep .
}

# Its network namespace belongs to a user namespace of an ordinary user, who is root in there.
@test "a rootless container is served, and its root is that user" {
	before=$(scopes)
	in_background "$PLACE/pod.log" client nsenter -t "$(<"$PLACE/host.pid")" -m -- \
		setpriv --reuid 4712 --regid 4712 --clear-groups unshare -Urn sleep infinity
	place_wait 5 rootless_sleeper
	rootless_sleeper >"$PLACE/rootless.pod"
	pod_wire rootless 6
	body "$SENTENCE" >"$T/body"
	in_cgroup client timeout -k 2 30 nsenter -t "$(<"$PLACE/host.pid")" -m -- setpriv --reuid 4712 --regid 4712 \
		--clear-groups nsenter -t "$(<"$PLACE/rootless.pod")" -U -n --preserve-credentials -- \
		curl -sS --max-time 20 --retry 5 --retry-connrefused "$MESSAGES" "${JSON_TYPE[@]}" --data-binary @- \
		<"$T/body" >"$T/rootless"
	joined "$T/rootless" | grep -qF "$SENTENCE"
	expect_match "where it came from" '"203.0.113.26"' "$(cat "$(place_received json)")"
	expect "scopes" $((before + 1)) "$(scopes)"
}

@test "a port that is taken there is no hindrance" {
	pod_new taken client
	pod_wire taken 3
	nsenter -t "$(<"$PLACE/taken.pod")" -n ip link set lo up
	POD=taken
	CLIENT=keep in_pod python3 -c '
import socket, time
s = socket.create_server(("127.0.0.1", 15443))
print("listening", flush=True)
time.sleep(60)' >"$T/squatter" &
	squatter=$!
	place_wait 5 grep -q listening "$T/squatter"
	pod_connect
	pod_works
	kill $squatter
}

@test "a worker that crashes is followed there by the next" {
	POD=later
	pod_works
	old=$(worker_of)
	kill -KILL "$old"
	pod_works
	[ "$(worker_of)" != "$old" ]
	POD=before
	pod_works
}

@test "a reload hands them over; what streams there goes on" {
	POD=later
	old=$(worker_of)
	stream_held in_pod
	place_ctl reload
	[ "$(worker_of)" = "$old" ] || [ -d "/proc/$old" ]
	for _ in 1 2 3 4; do
		pod_works
	done
	stream_let_go
}

@test "another daemon takes over, and no connect is refused there" {
	local monitor
	POD=later
	monitor=$(monitor_of)
	stream_held in_pod
	place_daemon_start --replace
	for _ in 1 2 3; do
		pod_works
	done
	stream_let_go
	place_wait 15 fails test -d "/proc/$monitor"
	pod_works
}

@test "a daemon that starts serves what is enrolled already" {
	place_daemon_stop
	POD=later
	fails pod_works
	pod_new standing client
	pod_wire standing 4
	place_daemon_start
	POD=standing
	pod_works
}

@test "fail: open passes until awsmask listens there, and is masked from then on" {
	place_ctl enroll "$PLACE_CGROUP/other" --fail open
	pod_new open other
	pod_wire open 5
	POD=open CLIENT=other
	in_pod curl -sSk --max-time 10 -o /dev/null "https://$TARGET/text"
	place_wait 5 pod_works
	place_ctl enroll "$PLACE_CGROUP/other"
}

# Namespaces of processes that connect and end; each line is an inode.
twenty_namespaces() {
	in_cgroup client timeout -k 2 30 nsenter -t "$(<"$PLACE/host.pid")" -n -- python3 -c '
import ctypes, os, socket, sys, time
for _ in range(20):
    if os.fork() == 0:
        assert ctypes.CDLL(None).unshare(0x40000000) == 0
        for _ in range(3000):
            try:
                socket.create_connection((sys.argv[1], 443), 5).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.002)
        else:
            os._exit(1)
        print(os.stat("/proc/self/ns/net").st_ino, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0' "$ORIGIN4"
}

held() { # FILE-OF-INODES: whether anybody is in one of them, or holds it
	readlink /proc/[0-9]*/ns/net /proc/[0-9]*/task/*/ns/net /proc/[0-9]*/fd/* 2>/dev/null |
		grep -qFf <(sed 's/.*/net:[&]/' "$1")
}

@test "namespaces that end leave nothing: they are gone, and so are twenty's descriptors" {
	local before n
	POD=standing
	pod_works
	before=$(descriptors)
	for n in 11 12; do
		pod_new "one$n" client
		pod_wire "one$n" $n
		POD=one$n
		pod_connect >/dev/null
		pod_works
		inode_of "one$n" >>"$T/inodes"
		pod_end "one$n"
	done
	twenty_namespaces >>"$T/inodes"
	expect "namespaces" 22 "$(wc -l <"$T/inodes")"
	place_ctl unenroll "$PLACE_CGROUP/other" # a reason to look at once
	place_wait 15 pod_gone 11
	place_wait 15 pod_gone 12
	place_wait 15 fails held "$T/inodes"
	place_wait 5 descriptors_at_most "$before"
	POD=standing
	pod_works
}

# As slirp4netns and pasta do it: a process on the host makes the container's connections, and is enrolled itself.
@test "where the network is an enrolled process, a request is masked once" {
	local pid
	pod_new nested client
	pid=$(<"$PLACE/nested.pod")
	ip link add eth0 netns "$pid" type veth peer name nested netns "$(<"$PLACE/host.pid")"
	nsenter -t "$(<"$PLACE/host.pid")" -n sh -c 'ip addr add 192.0.2.1/30 dev nested && ip link set nested up'
	nsenter -t "$pid" -n sh -c 'ip addr add 192.0.2.2/30 dev eth0 && ip link set eth0 up'
	in_background "$PLACE/forwarder.log" client nsenter -t "$(<"$PLACE/host.pid")" -n -m -- python3 -c '
import socket, sys, threading
def pump(a, b):
    try:
        while (data := a.recv(65536)):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
server = socket.create_server(("192.0.2.1", 443))
open(sys.argv[2], "w").write("ready")
while True:
    near = server.accept()[0]
    far = socket.create_connection((sys.argv[1], 443))
    threading.Thread(target=pump, args=(near, far), daemon=True).start()
    threading.Thread(target=pump, args=(far, near), daemon=True).start()' "$ORIGIN4" "$PLACE/forwarder"
	place_wait 5 test -s "$PLACE/forwarder"
	POD=nested
	pod_connect >/dev/null
	pod_works --resolve "$TARGET:443:192.0.2.1"
	only_values_differ "$T/body"
	fails grep -q LITERAL "$(place_received plain)"
}
