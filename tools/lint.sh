#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is installed and packaged, looked at by the tools that each kind has; after `make deb rpm`.
# (tools/check.sh is for the source.)
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/e2e/cases.bash
. tests/e2e/cases.bash

WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
make -s install DESTDIR="$WORK/root" PREFIX=/usr UNITDIR=/lib/systemd/system || exit 1
UNITS=$WORK/root/lib/systemd/system

silent() { # CMD...: whatever it says is a finding
	local said
	said=$("$@" 2>&1) && [ -z "$said" ] && return
	echo "$said"
	return 1
}

pages() {
	silent mandoc -Tlint -Wwarning "$WORK"/root/usr/share/man/man?/*
}

# As if installed: what they name lies below the root.
units() {
	silent systemd-analyze verify --root="$WORK/root" --man=no --recursive-errors=no \
		"$UNITS"/awsmaskd.service "$UNITS"/awsmask-worker.{service,socket} "$UNITS/awsmask.slice"
}

# In tenths: the monitor has to hold many a privilege, the workers hold none.
exposure() { # UNIT AT-MOST
	systemd-analyze security --no-pager --offline=true --root="$WORK/root" --threshold="$2" "$1"
}

# Of a copy: it goes by what git knows where there is a checkout.
collection() {
	mkdir -p "$WORK/home/collections/ansible_collections/awsmask" &&
		cp -r deploy/ansible "$WORK/home/collections/ansible_collections/awsmask/awsmask" &&
		(cd "$WORK/home/collections/ansible_collections/awsmask/awsmask" && HOME=$WORK/home \
			ANSIBLE_COLLECTIONS_PATH="$WORK/home/collections" ansible-lint --profile production --offline --nocolor .)
}

spec() {
	rpmlint --config deploy/rpm/rpmlint.toml build/rpm/RPMS/*/awsmask-[0-9]*.rpm deploy/rpm/awsmask.spec | tee "$WORK/rpmlint"
	grep -q ' 0 errors, 0 warnings' "$WORK/rpmlint"
}

check "manual pages: mandoc" pages
check "units: systemd-analyze verify" units
check "the monitor's exposure is 3.0 at most" exposure awsmaskd.service 30
check "the workers' exposure is 2.0 at most" exposure awsmask-worker.service 20
check "alert rules: promtool" promtool check rules "$WORK/root/usr/share/awsmask/prometheus/awsmask.rules.yml"
check "the rule for sudo: visudo" visudo -cf "$WORK/root/usr/share/awsmask/ci/sudoers/awsmask-job"
check "the collection: ansible-lint" collection
check "the package for Debian: lintian" lintian --allow-root --pedantic --display-info --fail-on error,warning,info,pedantic \
	build/deb/awsmask_*.changes
check "the package for RHEL and SUSE, and its spec: rpmlint" spec
cases_sum
