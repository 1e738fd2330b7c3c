#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measure: tests/bench/run.sh BUILD; see README.md beside this. QUICK=1 for less of it, ONLY=PART,... for parts of it.
#
# The engines alone, then end to end, in namespaces of its own: the same requests by several ways to the same origin,
# in turn, several times. The exit status is 1 if any value reached the origin by way of the daemon, or any answer was
# not what it should be; then there is FAIL in the table instead of numbers.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${1:?"which build directory? (tests/bench/run.sh BUILD)"}
export BUILD
# shellcheck source=tests/e2e/helpers.bash
. tests/e2e/helpers.bash
# shellcheck source=tests/bench/place.bash
. tests/bench/place.bash
# shellcheck source=tests/bench/peers/peers.bash
. tests/bench/peers/peers.bash

OUT=$REPO/build/bench
PARTS=(memory requests peers latency streams splice threads engines)
ROUNDS=${QUICK:+2} ROUNDS=${ROUNDS:-4} # an even number: see in_turn
MOST=20 # seconds that one measurement may take; those that keep up need a tenth
ONE='' ALONE='' TWO='' RUN=0 ROUND=0
declare -A IS_THERE=([direct]=1 [awsmaskd]=1)

wants() { # PART
	[ -z "${ONLY:-}" ] || [[ ",$ONLY," == *,$1,* ]]
}

# --- places ---------------------------------------------------------------------------------------

enter() { # PLACE
	PLACE=$1
	PLACE_NAME=${1##*/}
	PLACE_CGROUP=$(cgroup2_mount)/$PLACE_NAME
}

# A place with a daemon of these settings; sets PLACE.
daemon_place() { # SETTINGS
	place_new && echo "$1" >"$PLACE/awsmask.yaml" && bench_origin && place_daemon
}

leave() {
	local place
	for place in $TWO $ALONE $ONE; do
		(enter "$place" && place_end)
	done
}

# --- measuring ------------------------------------------------------------------------------------

cgroup_of() { # WAY
	case $1 in
	awsmaskd) echo "$PLACE_CGROUP/$DAEMON_CGROUP" ;;
	*) echo "$PLACE_CGROUP/$1" ;;
	esac
}

# One line of JSON: ask PART WAY SHAPE CONNECTIONS REQUESTS [MORE-CGROUPS...]
ask() {
	local part=$1 way=$2 shape=$3 as=place_direct address=$ORIGIN4 port=443 line
	local -a watch=("${@:6}") load=("$BUILD/bench/load" "$way" "$shape")
	[ "$shape" != download ] || address=$TWIN4
	case $way in
	direct) ;;
	awsmaskd) as=place_client watch+=("proxy=$(cgroup_of "$way")") ;;
	*) address=127.0.0.1 port=${PEER_PORT[$way]} watch+=("proxy=$(cgroup_of "$way")") ;;
	esac
	line=$(PLACE_TIMEOUT=120 "$as" "${load[@]}" "$address" "$port" "$4" "$5" $MOST "$RUN" "${watch[@]}") ||
		[ -n "$line" ] || line="{\"way\": \"$way\", \"shape\": \"$shape\", \"connections\": $4, \"fail\": \"the clients failed\"}"
	printf '{"part": "%s", "threads": %d, "run": %s}\n' "$part" "${THREADS:-1}" "$line" >>"$OUT/bench.lines"
}

# The same requests by each way that is there, in turn, and the other way round in the next round: who comes first
# finds cold caches. "WAY*TIMES" asks them so many times: for those that remember nothing, and take little time for one.
in_turn() { # PART SHAPE CONNECTIONS REQUESTS WAY...
	local part=$1 way times
	local -a ways=("${@:5}")
	RUN=$((RUN + 1))
	((ROUND % 2 == 0)) || mapfile -t ways < <(printf '%s\n' "${ways[@]}" | tac)
	for way in "${ways[@]}"; do
		times=${way#"${way%\**}"}
		way=${way%\**}
		[ -z "${IS_THERE[$way]:-}" ] || ask "$part" "$way" "$2" "$3" "$4$times"
	done
}

# Proportional set sizes of a cgroup's processes, so that what they share counts once: MiB
memory_of() { # CGROUP
	local pid
	while read -r pid; do
		cat "/proc/$pid/smaps_rollup" 2>/dev/null
	done <"$1/cgroup.procs" | awk '/^Pss:/ { kib += $2 } END { printf "%.2f\n", kib / 1024 }'
}

tell_memory() { # WHEN MIB
	printf '{"part": "memory", "when": "%s", "mib": %s}\n' "$1" "$2" >>"$OUT/bench.lines"
}

# --- the parts ------------------------------------------------------------------------------------

# First of all: what is measured is a daemon that has done nothing else.
part_memory() {
	local most=0 now streams
	tell_memory idle "$(memory_of "$(cgroup_of awsmaskd)")"
	ask introduction awsmaskd introduction 1 1
	RUN=$((RUN + 1))
	ask memory awsmaskd 256K 32 4
	sleep 6 # what requests took goes back when nobody has asked for five seconds
	tell_memory requests "$(memory_of "$(cgroup_of awsmaskd)")"
	ask memory awsmaskd events-200 200 2 &
	streams=$!
	while kill -0 $streams 2>/dev/null; do
		now=$(memory_of "$(cgroup_of awsmaskd)")
		most=$(printf '%s\n' "$most" "$now" | sort -g | tail -n 1)
		sleep 0.2
	done
	wait $streams
	tell_memory streams "$most"
}

# So many that awsmaskd and nginx take at least 200 ms of processor time for each row.
part_requests() {
	in_turn requests 16K 4 400 awsmaskd 'nginx*2'
	in_turn requests 16K-turn 4 640 awsmaskd 'nginx*2'
	in_turn requests 16K-again 4 800 awsmaskd nginx
	in_turn requests 256K 4 60 awsmaskd 'nginx*2' 'haproxy*2'
	in_turn requests 256K-turn 4 120 awsmaskd nginx
	in_turn requests 256K-again 4 120 awsmaskd nginx
	in_turn requests 256K-gzip 4 32 awsmaskd 'nginx*6'
	in_turn requests 256K-gzip-none 4 64 awsmaskd 'nginx*3'
	in_turn requests 256K-turn-gzip 4 64 awsmaskd 'nginx*3'
	in_turn requests 2M 2 16 awsmaskd 'nginx*2'
	in_turn requests 2M-turn 2 40 awsmaskd nginx
	in_turn requests 2M-again 2 40 awsmaskd nginx
	# What has no goal: once.
	[ -z "${QUICK:-}" ] && ((ROUND == 0)) || return 0
	in_turn requests 256K-none 4 60 awsmaskd 'nginx*2'
	in_turn requests 256K-many 4 30 awsmaskd 'nginx*4'
	in_turn requests 256K-hostile 4 20 awsmaskd 'nginx*6'
	in_turn requests 16K-stream 4 400 awsmaskd 'nginx*2'
	in_turn requests 16K-turn-stream 4 640 awsmaskd 'nginx*2'
	in_turn requests 16K-connect 4 80 awsmaskd 'nginx*2'
	in_turn requests 16K-fresh 4 400 awsmaskd 'nginx*2'
}

# The slow ones beside as many requests of the fast ones as they take for as long to measure.
part_peers() {
	in_turn peers 256K 2 100 awsmaskd 'nginx*2'
	in_turn peers 256K-turn 2 200 awsmaskd
	in_turn peers 256K 2 6 mitmproxy fastapi
	in_turn peers 256K-turn 2 6 mitmproxy fastapi
	in_turn peers 256K 1 2 lua
	in_turn peers 256K-turn 1 2 lua
}

part_latency() {
	in_turn latency 256K 1 100 direct awsmaskd nginx haproxy
	in_turn latency 256K 32 12 awsmaskd nginx haproxy
	in_turn latency 256K-turn 1 100 direct awsmaskd nginx
	in_turn latency 256K-turn 32 12 awsmaskd nginx
}

part_streams() {
	in_turn streams events 1 3 direct awsmaskd nginx haproxy
	in_turn streams events-turn 1 4 direct awsmaskd nginx
}

part_splice() {
	ask splice direct download 1 1 "client=$PLACE_CGROUP/direct" "origin=$PLACE_CGROUP/twin"
	ask splice awsmaskd download 1 1 "client=$PLACE_CGROUP/client" "origin=$PLACE_CGROUP/twin"
}

# The same few over and over for two seconds, of which nothing is remembered: at no time is a loop without work. What
# clients and origin take of the cores meanwhile is measured, too.
ask_loops() { # PLACE THREADS
	enter "$1"
	MOST=2 THREADS=$2 ask threads awsmaskd 256K-words 8 '1*' "client=$PLACE_CGROUP/client" "origin=$PLACE_CGROUP/origin"
}

part_threads() {
	RUN=$((RUN + 1))
	ask_loops "$ALONE" 1
	ask_loops "$TWO" 2
	enter "$ONE"
}

threads_place() { # THREADS
	daemon_place "{threads: $1, limits: {memo: 0}}" && ask introduction awsmaskd introduction 1 1
}

# What must be known of a peer to read its numbers.
note() { # TEXT
	printf '{"part": "note", "text": "%s"}\n' "$1" >>"$OUT/bench.lines"
}

# --- all of it ------------------------------------------------------------------------------------

start_peers() {
	local peer
	local -a peers=(nginx haproxy)
	if wants peers; then
		peers+=(lua mitmproxy fastapi)
	fi
	for peer in "${peers[@]}"; do
		if ! peer_is_there "$peer"; then
			note "$peer: not installed (tools/deps.sh --bench)"
		elif peer_start "$peer"; then
			IS_THERE[$peer]=1
		else
			note "$peer: did not start"
			FAILED=1
		fi
	done
	[ -z "${IS_THERE[lua]:-}" ] ||
		note "lua: $(grep -om 1 '[0-9]* expressions in .* left out' "$PLACE/lua.log")"
}

end_to_end() {
	local part FAILED=0
	trap leave EXIT
	trap 'exit 130' INT TERM
	daemon_place "threads: 1" || return 1
	ONE=$PLACE
	if wants threads; then
		threads_place 1 || return 1
		ALONE=$PLACE
		threads_place 2 || return 1
		TWO=$PLACE
		enter "$ONE"
	fi
	if wants memory; then
		part_memory
	else
		ask introduction awsmaskd introduction 1 1
	fi
	start_peers
	for ((ROUND = 0; ROUND < ROUNDS; ROUND++)); do
		for part in "${PARTS[@]}"; do
			case $part in
			memory | engines) ;;
			*) ! wants "$part" || "part_$part" ;;
			esac
		done
	done
	return $FAILED
}

mkdir -p "$OUT"
printf '{"part": "machine", "load_average": %s, "day": "%s"}\n' "$(cut -d' ' -f1 /proc/loadavg)" "$(date +%F)" >"$OUT/bench.lines"
for part in ${ONLY:+${ONLY//,/ }}; do
	[[ " ${PARTS[*]} " == *" $part "* ]] || {
		echo "bench: there is no part '$part'; there are: ${PARTS[*]}" >&2
		exit 2
	}
done
status=0
if wants engines; then
	"$BUILD/bench/scan" ${QUICK:+--quick} "$OUT/scan.json" || status=1
else
	rm -f "$OUT/scan.json"
fi
if [ "${ONLY:-}" = engines ]; then
	:
elif [ "$(id -u)" = 0 ]; then
	(end_to_end) || status=1
else
	echo "end to end: root is needed for namespaces, cgroups and bpf; run this with sudo" >&2
	status=1
fi
python3 -B tests/bench/report.py "$OUT" || status=1
exit $status
