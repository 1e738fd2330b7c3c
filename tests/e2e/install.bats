#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `make install` puts where, and that `make uninstall` takes it away again.

setup() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	ROOT=$BATS_TEST_TMPDIR/root
}

make_into_root() {
	make -s -C "$REPO" DESTDIR="$ROOT" "$@"
}

files() {
	(cd "$ROOT" && find . -type f -printf '%m %P\n' | sort -k2)
}

@test "install brings programs, units, user, directories, completion, pages and configuration" {
	make_into_root install
	diff - <(files) <<-END
		644 etc/awsmask/awsmask.yaml
		755 usr/local/bin/awsmask-job
		644 usr/local/lib/systemd/system/awsmask-worker.service
		644 usr/local/lib/systemd/system/awsmask-worker.socket
		644 usr/local/lib/systemd/system/awsmask.slice
		644 usr/local/lib/systemd/system/awsmaskd.service
		644 usr/local/lib/sysusers.d/awsmask.conf
		644 usr/local/lib/tmpfiles.d/awsmask.conf
		755 usr/local/sbin/awsmaskctl
		755 usr/local/sbin/awsmaskd
		755 usr/local/share/awsmask/ci/buildkite/environment
		755 usr/local/share/awsmask/ci/buildkite/pre-exit
		644 usr/local/share/awsmask/ci/cloud-init/user-data.yaml
		644 usr/local/share/awsmask/ci/container/Containerfile
		755 usr/local/share/awsmask/ci/github/job-completed.sh
		755 usr/local/share/awsmask/ci/github/job-started.sh
		644 usr/local/share/awsmask/ci/gitlab/config.toml
		644 usr/local/share/awsmask/ci/jenkins/awsmaskJob.groovy
		644 usr/local/share/awsmask/ci/packer/awsmask.pkr.hcl
		644 usr/local/share/awsmask/ci/sudoers/awsmask-job
		644 usr/local/share/awsmask/ci/systemd/awsmask.conf
		644 usr/local/share/awsmask/ci/systemd/ci.slice
		644 usr/local/share/awsmask/grafana/awsmask.json
		644 usr/local/share/awsmask/prometheus/awsmask.rules.yml
		644 usr/local/share/bash-completion/completions/awsmaskctl
		644 usr/local/share/doc/awsmask/README.ci.md
		644 usr/local/share/doc/awsmask/RUNBOOK.md
		644 usr/local/share/man/man1/awsmask-job.1
		644 usr/local/share/man/man5/awsmask.yaml.5
		644 usr/local/share/man/man7/awsmask-catalogue.7
		644 usr/local/share/man/man7/awsmask.7
		644 usr/local/share/man/man8/awsmaskctl.8
		644 usr/local/share/man/man8/awsmaskd.8
	END
	"$ROOT/usr/local/sbin/awsmaskd" --config "$ROOT/etc/awsmask/awsmask.yaml" --check-config
}

@test "the units start what was installed, wherever that is" {
	make_into_root PREFIX=/opt/awsmask install
	units=$ROOT/opt/awsmask/lib/systemd/system
	grep -q '^ExecStart=/opt/awsmask/sbin/awsmaskd --worker-socket ' "$units/awsmaskd.service"
	grep -q '^ExecStart=/opt/awsmask/sbin/awsmaskd --worker-host 3$' "$units/awsmask-worker.service"
	[ -x "$ROOT/opt/awsmask/sbin/awsmaskd" ]
	[ "$(cat "$units"/* | grep -c '@sbindir@')" = 0 ]
	# alerts point at the runbook that was installed with them
	runbook=$ROOT$(sed -n 's|.*runbook_url: "file://\(.*\)#awsmaskdown"|\1|p' "$ROOT/opt/awsmask/share/awsmask/prometheus/awsmask.rules.yml")
	grep -qx '## AwsmaskDown' "$runbook"
}

@test "the user and the directories are as the daemon wants them" {
	make_into_root install
	mkdir -p "$ROOT/etc"
	systemd-sysusers --root="$ROOT"
	grep -qE '^awsmask:x:[0-9]+:[0-9]+:[^:]*:/:.*/nologin$' "$ROOT/etc/passwd"
	systemd-tmpfiles --root="$ROOT" --create "$ROOT/usr/local/lib/tmpfiles.d/awsmask.conf"
	[ "$(stat -c '%a %u' "$ROOT/run/awsmask")" = "755 0" ]
	[ "$(stat -c '%a %u %g' "$ROOT/var/log/awsmask")" = "700 0 0" ]
	[ "$(stat -c '%a %u %g' "$ROOT/var/lib/awsmask")" = "1771 0 $(awk -F: '/^awsmask:/ { print $3 }' "$ROOT/etc/group")" ]
}

@test "the completion is bash, and is named after its command" {
	make_into_root install
	bash -n "$ROOT/usr/local/share/bash-completion/completions/awsmaskctl"
	bash -c '. "$0" && complete -p awsmaskctl' "$ROOT/usr/local/share/bash-completion/completions/awsmaskctl"
}

@test "an administrator's configuration outlives an installation and its removal" {
	make_into_root install
	echo 'mode: observe' >"$ROOT/etc/awsmask/awsmask.yaml"
	make_into_root install
	make_into_root uninstall
	[ "$(cat "$ROOT/etc/awsmask/awsmask.yaml")" = 'mode: observe' ]
	[ "$(files)" = '644 etc/awsmask/awsmask.yaml' ]
}
