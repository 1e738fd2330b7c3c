#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# deploy/ci: jobs of CI runners in an enrolled slice, with the variables that each system sets.

load helpers

setup_file() {
	place_new
	mkdir -p "$PLACE_CGROUP/ci.slice/runner" "$PLACE_CGROUP/ci.slice/container"
	echo "enroll: [$PLACE_NAME/ci.slice]" >"$PLACE/awsmask.yaml"
	place_daemon_start
	place_trust
	sed 's|/usr/sbin|/usr/local/sbin|g' "$REPO/deploy/ci/sudoers/awsmask-job" >"$PLACE/sudoers"
	# As packages would put them, with a runner's user.
	place_direct sh -euc 'for d in sbin bin; do mount -t tmpfs -o mode=0755 tmpfs /usr/local/$d; done
		cp "$1" /usr/local/sbin/
		cp "$2" /usr/local/bin/
		install -m 0440 "$3" /etc/sudoers.d/awsmask-job
		echo "ci:x:4400:runner" >>/etc/group
		echo "runner:x:4401:4401::/run/runner:/bin/sh" >>/etc/passwd
		echo "runner:*:19000:0:99999:7:::" >>/etc/shadow
		install -d -o 4401 -g 4401 /run/runner' sh "$BUILD/awsmaskctl" "$REPO/deploy/ci/awsmask-job" "$PLACE/sudoers"
}

# A step of a job: step CGROUP VARIABLE=VALUE... CMD...
step() {
	local cgroup=$1
	shift
	place_in "$cgroup" setpriv --reuid 4401 --regid 4401 --groups 4400 env HOME=/run/runner "$@"
}

# What the job itself does.
request() { # VARIABLE=VALUE...
	body "$SENTENCE" >"$T/body"
	chmod 0644 "$T/body"
	step ci.slice/runner "$@" curl -sS --max-time 20 "$MESSAGES" "${JSON_TYPE[@]}" --data-binary @- <"$T/body" >"$T/answer"
	grep -q "$INSTANCE" "$T/answer"
	[ -z "$(place_leaks "${VALUES[@]}")" ]
}

SUMS='awsmask: since this job began: 1 requests, [1-9][0-9]* values found, [1-9][0-9]* masked, 0 requests refused'

@test "GitHub Actions: a job is proved masked before its first step, and summed up after its last" {
	github=(GITHUB_ACTIONS=true GITHUB_RUN_ID=71 GITHUB_JOB=build)
	run step ci.slice/runner "${github[@]}" "$REPO/deploy/ci/github/job-started.sh"
	[ "$status" -eq 0 ]
	expect_match "begin" "^awsmask: .*/ci.slice/runner is enrolled \(enforce\)" "$output"
	request "${github[@]}"
	run step ci.slice/runner "${github[@]}" "$REPO/deploy/ci/github/job-completed.sh"
	[ "$status" -eq 0 ]
	expect_match "end" "$SUMS" "$output"
	[ -z "$(place_direct find /run/runner -type f)" ]
}

@test "GitHub Actions: a job that is not masked does not start, and a refused request is a warning" {
	run step direct GITHUB_ACTIONS=true GITHUB_RUN_ID=72 "$REPO/deploy/ci/github/job-started.sh"
	[ "$status" -eq 1 ]
	expect_match "begin" '^::error title=awsmask::this job is not masked' "$output"
	step ci.slice/runner GITHUB_RUN_ID=73 awsmask-job begin
	step ci.slice/runner curl -sS -o /dev/null "$MESSAGES" "${JSON_TYPE[@]}" -H 'content-encoding: br' -d nothing
	run step ci.slice/runner GITHUB_ACTIONS=true GITHUB_RUN_ID=73 awsmask-job end
	expect_match "end" '^::warning title=awsmask::1 requests were refused' "$output"
}

@test "Buildkite: the sourced hooks" {
	run step ci.slice/runner BUILDKITE_JOB_ID=0199-a bash -c ". $REPO/deploy/ci/buildkite/environment; echo went on"
	[[ $output == *"is enrolled (enforce)"*"went on" ]]
	request
	run step ci.slice/runner BUILDKITE_JOB_ID=0199-a bash -c ". $REPO/deploy/ci/buildkite/pre-exit"
	expect_match "end" "$SUMS" "$output"
	run step direct BUILDKITE_JOB_ID=0199-b bash -c ". $REPO/deploy/ci/buildkite/environment; echo went on"
	[ "$status" -eq 1 ]
	[[ $output != *"went on"* ]]
}

@test "GitLab's shell executor and Jenkins: two jobs of one runner do not take each other's sums" {
	step ci.slice/runner CI_JOB_ID=5 awsmask-job begin
	request
	step ci.slice/runner BUILD_TAG='jenkins-a b/1' awsmask-job begin
	run step ci.slice/runner BUILD_TAG='jenkins-a b/1' awsmask-job end
	expect_match "Jenkins" 'began: 0 requests' "$output"
	run step ci.slice/runner CI_JOB_ID=5 awsmask-job end
	expect_match "GitLab" "$SUMS" "$output"
}

@test "GitLab's docker executor: a container without awsmaskctl proves it by the CA alone" {
	place_direct sh -c 'cp /var/lib/awsmask/ca/ca.pem /run/ca.pem'
	inside='mount -t tmpfs tmpfs /usr/local/sbin && exec "$@"'
	for cgroup in ci.slice/container direct; do
		run place_in "$cgroup" unshare -m -C sh -c "$inside" sh env AWSMASK_CA=/run/ca.pem CI_JOB_ID=6 awsmask-job begin
		echo "$cgroup: $output"
		[ "$cgroup $status" = "ci.slice/container 0" ] || [ "$cgroup $status" = "direct 1" ]
	done
	run place_in ci.slice/container unshare -m sh -c "$inside" sh awsmask-job begin
	[ "$status" -eq 1 ]
	[[ $output == *"(/etc/awsmask-ca.pem) is here: mount it"* ]]
}

@test "a job without a home leaves nothing anywhere, and says where the sums are" {
	run place_in ci.slice/runner env -u HOME awsmask-job begin
	[ "$status" -eq 0 ]
	place_direct test ! -e /nonexistent
	run place_in ci.slice/runner env -u HOME awsmask-job end
	[ "$status" -eq 0 ]
	expect_match "end" 'awsmaskctl report. of the host has the sums' "$output"
}

@test "the rule for sudo allows these two questions, and nothing else" {
	place_direct visudo -cf /etc/sudoers.d/awsmask-job
	step ci.slice/runner sudo -n awsmaskctl list --json >"$T/list"
	for words in "list" "reload" "list --json --socket /tmp/x" "report --json --by type" "unenroll 1"; do
		# shellcheck disable=SC2086 # a list of words
		run step ci.slice/runner sudo -n awsmaskctl $words
		[ "$status" -eq 1 ]
		[[ $output == *password* ]]
	done
}

@test "the settings of the other systems can be read by them" {
	python3 -c 'import sys, tomllib; print(tomllib.load(open(sys.argv[1], "rb"))["runners"][1]["docker"]["cgroup_parent"])' \
		"$REPO/deploy/ci/gitlab/config.toml" | grep -x ci.slice
	systemd-analyze verify --man=no "$REPO/deploy/ci/systemd/ci.slice" 2>&1 | { ! grep ci.slice; }
	sed -n '/content: |$/,/path:/p' "$REPO/deploy/ci/cloud-init/user-data.yaml" | sed -n '2s/^ *//p' >"$T/yaml"
	"$BUILD/awsmaskctl" config check "$T/yaml"
}
