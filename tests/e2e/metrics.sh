#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus reads the daemon and raises alerts: tests/e2e/metrics.sh BUILD. What the rules wait for before they
# speak is left out, and the disk is a small one.
set -u
BUILD=${1:?"which build directory? (tests/e2e/metrics.sh BUILD)"}
export BUILD
# shellcheck source=tests/e2e/helpers.bash
. "$(dirname "$0")/helpers.bash"
# shellcheck source=tests/e2e/cases.bash
. "$(dirname "$0")/cases.bash"

RULES=$REPO/deploy/prometheus
API=http://127.0.0.1:9090/api/v1
trap 'place_end; rm -rf "${T:-}"' EXIT
trap 'exit 130' INT TERM
T=$(mktemp -d) || exit 1
chmod 0755 "$T"

configure() {
	mkdir "$PLACE/prometheus" && sed 's/^        for: .*/        for: 0s/; s/256 \* 1024 \* 1024/1024 * 1024/' "$RULES/awsmask.rules.yml" >"$PLACE/prometheus/rules.yml" &&
		cat >"$PLACE/prometheus/config.yml" <<-END
			global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
			rule_files: [$PLACE/prometheus/rules.yml]
			scrape_configs:
			  - job_name: awsmask
			    static_configs: [{targets: ["127.0.0.1:9464"]}]
		END
}

prometheus_start() {
	in_background "$PLACE/prometheus/log" admin nsenter -t "$(<"$PLACE/host.pid")" -n -m -- \
		prometheus --config.file="$PLACE/prometheus/config.yml" --storage.tsdb.path="$PLACE/prometheus/data" \
		--web.listen-address=127.0.0.1:9090 --log.level=warn
	place_wait 15 is_up
}

query() { # EXPRESSION: its value, of one series at most
	place_direct curl -sSG --max-time 5 "$API/query" --data-urlencode "query=$1" |
		python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else "")'
}

is_up() {
	[ "$(query 'up{job="awsmask"}')" = 1 ]
}

alerts() {
	place_direct curl -sS --max-time 5 "$API/alerts" |
		python3 -c 'import json, sys; print(*sorted({a["labels"]["alertname"] for a in json.load(sys.stdin)["data"]["alerts"]}))'
}

fires() { # ALERT
	local now
	now=$(alerts)
	echo "alerts: $now"
	[[ " $now " == *" $1 "* ]]
}

# Each sees the sample before it, so that there is something to have grown from.
scraped_twice() {
	[ "$(query 'count_over_time(awsmask_requests_total[1m])')" -ge 2 ]
}

untrusting() {
	for _ in 1 2 3 4 5 6 7 8; do
		place_client curl -sS --max-time 5 --cacert "$PLACE/origin-ca.pem" --capath /nowhere -o /dev/null "$MESSAGES" 2>/dev/null
	done
	place_wait 15 fires AwsmaskHandshakes
}

nonsense() {
	for _ in 1 2 3; do
		place_client curl -sS --max-time 5 -o /dev/null "$MESSAGES" "${JSON_TYPE[@]}" --data-binary '{"messages": ['
	done
	place_wait 15 fires AwsmaskRefusing
}

well_formed() {
	place_ctl metrics >"$T/page" && promtool check metrics <"$T/page"
}

stopped() {
	place_daemon_stop && place_wait 15 fires AwsmaskDown
}

"$REPO/tools/deps.sh" --metrics || exit 1
check "the rules are right" promtool check rules "$RULES/awsmask.rules.yml"
check "each alert is raised by what it is for, and by nothing else" promtool test rules "$RULES/tests/awsmask.test.yml"
place_with_daemon 'metrics: {listen: "127.0.0.1:9464"}' && configure || exit 1
check "Prometheus finds nothing to object to in the page" well_formed
check "Prometheus reads the daemon" prometheus_start
check "it has read it again" place_wait 15 scraped_twice
check "nothing is raised on a host that is well" expect "the alerts" "" "$(alerts)"
check "clients that trust nobody are told of" untrusting
check "requests that are refused are told of" nonsense
check "a daemon that is gone is told of" stopped
cases_sum
