#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The package and the Ansible role on a machine of their own: installed, enrolled, upgraded, removed; afterwards the
# machine is as it was.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/machine.bash
. tests/e2e/machine.bash && machine_begin "$@" || exit 1

FLEET=/run/fleet # of the machine: what the controller would have

# All that a package or a role could leave, but for what any installation writes down: logs, caches, lists of packages.
host_files() {
	machine find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path /var/cache \
		-o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /var/lib/PackageKit -o -path /root -o -path "$PWD" \
		-o -path '/etc/*-' -o -path /work -o -path /var/tmp \) -prune \
		-o \( -type f -o -type d -o -type l \) -printf '%p %m %u %g %l\n' | sort
}

accounts() {
	machine sh -c 'sort /etc/passwd /etc/group; sort /etc/ssl/certs/ca-certificates.crt | sha256sum; ls /sys/fs/bpf'
}

prepare() {
	make -s deb && mkdir -p "$ROOT$FLEET" || return 1
	machine_boot || return 1
	machine mkdir -p $FLEET/collections
	tar -C deploy/ansible -cf - . | machine sh -c "mkdir -p $FLEET/src && tar -xf - -C $FLEET/src"
	cat build/deb/awsmask_*.deb | machine sh -c "cat >$FLEET/awsmask.deb"
	machine sh -c "cd $FLEET/src && HOME=$FLEET ansible-galaxy collection build --output-path $FLEET >/dev/null &&
		HOME=$FLEET ansible-galaxy collection install -p $FLEET/collections $FLEET/awsmask-awsmask-*.tar.gz >/dev/null"
}

play() { # PLAYBOOK [OPTION...]
	as_unit env HOME=$FLEET ANSIBLE_COLLECTIONS_PATH=$FLEET/collections ANSIBLE_NOCOLOR=1 \
		ANSIBLE_LOCAL_TEMP=$FLEET/tmp ANSIBLE_REMOTE_TEMP=$FLEET/tmp ansible-playbook -i localhost, -c local \
		-e ansible_python_interpreter=/usr/bin/python3 -e awsmask_package_file=$FLEET/awsmask.deb \
		-e '{"awsmask_enroll": ["agents.slice"]}' "awsmask.awsmask.$1" "${@:2}" >"$WORK/play" 2>&1 || {
		cat "$WORK/play"
		return 1
	}
}

recap() { # FIGURE
	grep -oE "$1=[0-9]+" "$WORK/play" | tail -n 1 | cut -d= -f2
}

# Of a copy: it goes by what git knows where there is a checkout.
role_is_clean() {
	mkdir "$WORK/lint" && cp -r deploy/ansible "$WORK/lint/" && (cd "$WORK/lint/ansible" && HOME=$WORK/lint \
		ANSIBLE_COLLECTIONS_PATH="$ROOT$FLEET/collections" ansible-lint --profile production --offline --nocolor .)
}

tried() {
	play rollout --check -e '{"awsmask_enforced": ["all"]}' && [ "$(recap changed)" != 0 ] && ! machine test -e /usr/sbin/awsmaskd
}

first_run() {
	play rollout -e '{"awsmask_enforced": ["all"]}' && [ "$(recap changed)" != 0 ]
}

nothing_changes() { # [OPTION...]
	play rollout -e '{"awsmask_enforced": ["all"]}' "$@" && [ "$(recap changed)" = 0 ] || {
		cat "$WORK/play"
		return 1
	}
}

refused() { # OPTION... SENTENCE
	local sentence=${*: -1}
	play rollout "${@:1:$#-1}" >/dev/null && return 1
	grep -qF "$sentence" "$WORK/play" || {
		cat "$WORK/play"
		return 1
	}
}

observes() {
	play rollout && passes agents.slice && machine awsmaskctl status >/dev/null
}

enforces() {
	play rollout -e '{"awsmask_enforced": ["all"]}' && is_masked
}

# The same with a higher version: what an upgrade does to a package does not hang on what is new in it.
newer_package() {
	machine sh -c "cd $FLEET && dpkg-deb -R awsmask.deb newer && sed -i 's/^Version:.*/Version: 0.1.1-1/' newer/DEBIAN/control &&
		dpkg-deb -b newer awsmask.deb >/dev/null && rm -rf newer"
}

upgraded() {
	local before
	before=$(machine awsmaskctl list --json)
	newer_package && play upgrade && [ "$(machine dpkg-query -W -f '${Version}' awsmask)" = 0.1.1-1 ] &&
		[ "$(machine awsmaskctl list --json)" = "$before" ] && is_masked
}

removed() {
	play remove -e awsmask_purge=true && ! machine test -e /usr/sbin/awsmaskd && passes agents.slice
}

as_before() {
	machine systemctl daemon-reload
	host_files | diff "$WORK/before" - && accounts | diff "$WORK/accounts" -
}

prepare || exit 1
check "lintian finds nothing in the package" lintian --allow-root --display-info --fail-on error,warning,info build/deb/awsmask_*.changes
check "ansible-lint finds nothing in the collection" role_is_clean
serve
machine systemctl start agents.slice plain.slice
host_files >"$WORK/before"
accounts >"$WORK/accounts"
check "the role in check mode changes nothing" tried
check "the machine is as it was" as_before
check "the role installs, configures and proves" first_run
check "nothing but what is enrolled is touched" passes
check "what is enrolled is masked" is_masked
check "a second run changes nothing" nothing_changes
check "nor does check mode find anything to change" nothing_changes --check
check "a wrong argument is refused" refused -e awsmask_fail_open=1 -e awsmask_mode=sometimes "one of: enforce, observe"
check "a wrong setting is refused, and says where" refused -e '{"awsmask_settings": {"prots": [443]}}' "prots"
check "what was masked still is" is_masked
check "outside of the enforced groups it observes" observes
check "and enforces again" enforces
check "an upgrade keeps what is enrolled" upgraded
check "removed, nothing is masked nor refused" removed
check "the machine is as it was" as_before
cases_sum
