#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The packages and the Ansible role on a bare machine: installed, enrolled, upgraded under load, removed; afterwards the
# machine is as it was. After `make deb rpm`.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/machine.bash
. tests/e2e/machine.bash

FLEET=/run/fleet # of the machine: what the controller would have
INVENTORY=localhost,
CLAUDE=build/npm/claude/node_modules/@anthropic-ai

depends_of_package() {
	dpkg-deb -f build/deb/awsmask_*.deb Depends | tr ',' '\n' | sed 's/[(|].*//; s/ //g'
}

# shellcheck disable=SC2046 # a list of words
machine_base $(depends_of_package) adduser curl openssl ca-certificates python3-apt ansible-core rpm sudo && machine_begin "$@" || exit 1

# --- the machine, and what it looks like ----------------------------------------------------------

# The same source in a package of a higher number: rpm has no way to change one that is made.
newer_rpm() {
	[ "$(echo build/rpm/newer/*/awsmask-[0-9]*.rpm)" -nt "$(echo build/rpm/awsmask-*.tar.gz)" ] && return
	rpmbuild --quiet -bb --nodeps --define "_topdir $PWD/build/rpm" --define "_sourcedir $PWD/build/rpm" \
		--define "_rpmdir $PWD/build/rpm/newer" \
		--define "version_of_source $(rpm_field VERSION)" --define 'release_of_package 2' deploy/rpm/awsmask.spec
}

rpm_field() {
	rpm -qp --qf "%{$1}" build/rpm/RPMS/*/awsmask-[0-9]*.rpm
}

have_claude() (
	export REPO=$PWD BUILD=$PWD/build/plain
	# shellcheck source=tests/e2e/lib.bash
	. tests/e2e/lib.bash && npm_packages claude "$CLAUDE_PACKAGE"
)

prepare() {
	newer_rpm >"$WORK/rpm.log" 2>&1 || {
		tail -n 20 "$WORK/rpm.log"
		return 1
	}
	have_claude && MACHINE_OPTIONS=(--bind-ro="$PWD/$CLAUDE:/opt/claude")
	scripted_prepare && machine_boot || return 1
	machine mkdir -p $FLEET/collections $FLEET/src $FLEET/home
	tar -C deploy/ansible -cf - . | machine tar -C $FLEET/src -xf -
	cat build/deb/awsmask_*.deb | machine sh -c "cat >$FLEET/good.deb && cp $FLEET/good.deb $FLEET/awsmask.deb"
	cat build/rpm/RPMS/*/awsmask-[0-9]*.rpm | machine sh -c "cat >$FLEET/awsmask-1.rpm"
	cat build/rpm/newer/*/awsmask-[0-9]*.rpm | machine sh -c "cat >$FLEET/awsmask-2.rpm"
	# What the clients' origin says it is, this machine believes; awsmaskd asks the same store.
	machine sh -c 'cp /opt/load/*.pem /usr/local/share/ca-certificates/origin.crt && update-ca-certificates >/dev/null 2>&1'
	printf '%s ansible_connection=local\n' pilot rest | machine sh -c "cat >$FLEET/hosts"
	machine sh -c "cd $FLEET/src && export HOME=$FLEET ANSIBLE_COLLECTIONS_PATH=$FLEET/collections &&
		ansible-galaxy collection build --output-path $FLEET >/dev/null &&
		ansible-galaxy collection install -p $FLEET/collections $FLEET/awsmask-awsmask-*.tar.gz >/dev/null" &&
		serve && machine systemctl start agents.slice plain.slice && look before
}

# Every file with its mode, owner and content, but for what any installation writes down: logs, caches, lists of packages.
host_files() {
	machine sh -c 'find / -xdev \( -path /tmp -o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/lib/dpkg -o -path /var/lib/systemd/random-seed -o -path /var/lib/systemd/timers -o -path "/etc/*-" \
		-o -path /opt/load \) -prune -o -printf "%p %y %m %u %g %l\n"
		find / -xdev -type f \( -path "/etc/*" -o -path "/usr/*" -o -path "/var/lib/*" \) ! -path "/var/lib/dpkg/*" \
			! -path "/var/lib/apt/*" ! -path "/var/lib/systemd/*" ! -path "/etc/*-" -exec sha256sum {} +
		ls /var/lib/dpkg/info' | sort
}

# What is no file: accounts, units, pins, cgroups, programs of bpf, listeners, and whatever has our name.
host_state() {
	machine sh -c 'getent passwd; getent group; systemctl list-unit-files --no-legend --no-pager
		systemctl list-units --all --no-legend --no-pager --plain "*awsmask*" | cut -d" " -f1
		ls /sys/fs/bpf; find /sys/fs/cgroup /run /var/lib/systemd -name "*awsmask*" ! -path "/run/fleet/*"
		ss -lntuxH | tr -s " " | cut -d" " -f1,5 | grep -v "/run/systemd\|/run/dbus\|/run/fleet"' | sort
}

look() { # NAME
	machine systemctl daemon-reload
	host_files >"$WORK/$1.files"
	host_state >"$WORK/$1.state"
}

as_before() {
	look now
	diff "$WORK/before.files" "$WORK/now.files" && diff "$WORK/before.state" "$WORK/now.state"
}

# --- the role -------------------------------------------------------------------------------------

play() { # PLAYBOOK [OPTION...]
	as_unit env HOME=$FLEET ANSIBLE_COLLECTIONS_PATH=$FLEET/collections ANSIBLE_NOCOLOR=1 \
		ANSIBLE_LOCAL_TEMP=$FLEET/tmp ANSIBLE_REMOTE_TEMP=$FLEET/tmp ansible-playbook -i $INVENTORY -c local \
		-e ansible_python_interpreter=/usr/bin/python3 -e awsmask_package_file=$FLEET/awsmask.deb \
		-e '{"awsmask_enroll": ["agents.slice"]}' "awsmask.awsmask.$1" "${@:2}" >"$WORK/play" 2>&1 || {
		cat "$WORK/play"
		return 1
	}
}

recap() { # FIGURE
	grep -oE "$1=[0-9]+" "$WORK/play" | tail -n 1 | cut -d= -f2
}

enforcing='{"awsmask_enforced": ["all"]}'

tried() {
	play rollout --check -e "$enforcing" && [ "$(recap changed)" != 0 ] && ! machine test -e /usr/sbin/awsmaskd
}

first_run() {
	play rollout -e "$enforcing" && [ "$(recap changed)" != 0 ]
}

nothing_changes() { # [OPTION...]
	play rollout -e "$enforcing" "$@" && [ "$(recap changed)" = 0 ] || {
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
	play rollout -e "$enforcing" && is_masked
}

# Two hosts in turn, which are one and the same here: the first that is not well keeps the second from being begun.
stops_at_the_pilot() { # PLAYBOOK OPTION...
	local INVENTORY=$FLEET/hosts
	! play "$@" && grep -q '^pilot .*failed=1' "$WORK/play" && ! grep -q '^rest ' "$WORK/play"
}

goes_on_to_the_rest() {
	local INVENTORY=$FLEET/hosts
	play "$@" && grep -q '^pilot .*failed=0' "$WORK/play" && grep -q '^rest .*failed=0' "$WORK/play"
}

unwell_by_trust() {
	machine awsmaskctl ca remove && stops_at_the_pilot rollout -e "$enforcing" -e awsmask_ca_install=false &&
		grep -q 'does not hold the CA' "$WORK/play"
}

# --- a real client --------------------------------------------------------------------------------

# The Claude Code CLI as npm has it: nothing in its environment speaks of awsmask.
claude_is_masked() { # [OPTION...]: of its unit
	local said seen
	scripted_start || return 1
	said=$(as_unit --slice=agents.slice "$@" "${AT_SCRIPTED[@]}" --working-directory=$FLEET/home env HOME=$FLEET/home \
		ANTHROPIC_API_KEY=sk-ant-none TERM=dumb SHELL=/bin/bash timeout 300 "$(claude_program)" \
		-p "Please look at $VALUE" 2>&1)
	seen=$(machine sh -c 'cat /opt/load/log/*.plain')
	machine systemctl stop scripted
	[[ "$said" == *"$VALUE"* && "$seen" == *"look at EC2_INSTANCE_"* && "$seen" != *"$VALUE"* ]] || {
		echo "$said" | head -n 5
		return 1
	}
}

# With the store as it was before, as one has it that runs since then: the earlier CA vouches for the new one.
claude_outlives_a_rotation() {
	machine cp -rL /etc/ssl/certs $FLEET/certs && as_unit awsmaskctl ca rotate && as_unit awsmaskctl check &&
		claude_is_masked --property=BindReadOnlyPaths=$FLEET/certs:/etc/ssl/certs && claude_is_masked
}

claude_program() {
	machine sh -c 'ls /opt/claude/claude-code-linux-*/claude /opt/claude/claude-code/bin/claude.exe 2>/dev/null' | head -n 1
}

# --- upgrades -------------------------------------------------------------------------------------

# The same with a higher version: what an upgrade does to a package does not hang on what is new in it.
newer_package() { # VERSION [CMD...]: what is changed in it, below newer/
	machine sh -c "cd $FLEET && rm -rf newer && dpkg-deb -R good.deb newer &&
		sed -i 's/^Version:.*/Version: $1/' newer/DEBIAN/control && ${2:-:} &&
		dpkg-deb -b newer awsmask.deb >/dev/null && rm -rf newer"
}

version_is() {
	[ "$(machine dpkg-query -W -f '${Version}' awsmask)" = "$1" ]
}

# What outlives an upgrade: what is enrolled, and what a placeholder stands for.
kept() {
	machine awsmaskctl list --json && ask agents.slice
}

# While streams go on from one to the next, none of which may be cut, and no connect refused.
under_load() { # CMD...
	local before status=0
	before=$(kept) && begin_load 20 40 || return 1
	"$@" || status=1
	end_load && [ $status = 0 ] && is_masked && [ "$(kept)" = "$before" ]
}

dpkg_upgrades() {
	newer_package 0.1.1-1 && machine dpkg -i $FLEET/awsmask.deb && version_is 0.1.1-1
}

role_upgrades() {
	newer_package 0.1.2-1 && play upgrade && version_is 0.1.2-1
}

# A version that does not start is found at the first host; nothing leaves it unmasked meanwhile.
broken_is_stopped() {
	newer_package 0.1.3-1 'printf "#!/bin/sh\nexit 1\n" >newer/usr/sbin/awsmaskd' || return 1
	stops_at_the_pilot upgrade && version_is 0.1.3-1 && [[ "$(ask agents.slice)" != *"$VALUE"*"$VALUE"* ]]
}

mended_goes_on() {
	newer_package 0.1.4-1 && goes_on_to_the_rest upgrade && version_is 0.1.4-1 && is_masked
}

role_removes() {
	play remove -e awsmask_purge=false && released
}

role_purges() {
	play remove -e awsmask_purge=true && machine test ! -e /var/lib/awsmask -a ! -e /etc/awsmask
}

# --- by hand, with dpkg and rpm -------------------------------------------------------------------

trusted() {
	machine sh -c 'openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /var/lib/awsmask/ca/ca.pem'
}

enrolls_nothing() {
	machine systemctl is-active awsmaskd && passes agents.slice && fails trusted &&
		[ -z "$(machine awsmaskctl list | grep -F agents.slice)" ]
}

begun_by_hand() {
	machine awsmaskctl ca install && as_unit awsmaskctl enroll agents.slice && as_unit awsmaskctl check && is_masked
}

# The CA is not trusted any more, nothing is pinned, and what is one's own is still there.
released() {
	passes agents.slice && fails trusted &&
		machine test -s /var/lib/awsmask/vault.db -a ! -e /sys/fs/bpf/awsmask -a ! -e /usr/sbin/awsmaskd
}

dpkg_installs() {
	machine dpkg -i $FLEET/good.deb && enrolls_nothing
}

dpkg_removes() {
	machine dpkg -r awsmask && released
}

dpkg_purges() {
	machine dpkg -P awsmask && machine test ! -e /var/lib/awsmask -a ! -e /etc/awsmask
}

with_rpm() {
	machine rpm --dbpath $FLEET/rpmdb "$@"
}

rpm_installs() {
	# Debian's packages are not rpm's: what it needs is there all the same.
	with_rpm -i --nodeps $FLEET/awsmask-1.rpm && with_rpm -V --nodeps awsmask && enrolls_nothing
}

rpm_upgrades() {
	with_rpm -U --nodeps $FLEET/awsmask-2.rpm && [ "$(with_rpm -q --qf '%{RELEASE}' awsmask)" = 2 ]
}

rpm_removes() {
	with_rpm -e awsmask && released
}

# rpm knows no purge: what is one's own goes by hand.
rpm_leaves() {
	machine sh -c 'rm -rf /var/lib/awsmask /etc/awsmask /run/awsmask && userdel awsmask &&
		rmdir /usr/share/licenses' && as_before # which Debian has not
}

# --- images of runners ----------------------------------------------------------------------------

# What runs jobs, as an image would have it; its job is one request.
image_base() {
	machine sh -c "cat >/etc/systemd/system/actions-runner.service && systemctl daemon-reload && cp $FLEET/good.deb /tmp/awsmask.deb &&
		useradd --create-home builder && echo 'builder ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/builder" <<-END
		[Service]
		Type=oneshot
		ExecStart=/bin/sh -ec 'awsmask-job begin; curl -sS --max-time 60 -H "content-type: text/plain" -d "about $VALUE" http://$TARGET/v1/x'
		StandardOutput=truncate:/run/job
		StandardError=inherit
	END
}

image_forgotten() {
	machine sh -c "systemctl stop actions-runner ci.slice; dpkg -P awsmask && userdel --remove builder 2>/dev/null
		rm -rf /tmp/awsmask.deb /run/job /etc/sudoers.d/builder /etc/systemd/system/actions-runner.service* \
			/etc/systemd/system/ci.slice /etc/systemd/system/awsmaskd.service.d" && as_before
}

job_is_masked() {
	local said
	machine rm -f /run/job /run/seen
	machine systemctl "$@" || machine journalctl --no-pager -n 10 -u actions-runner
	said=$(machine cat /run/job /run/seen)
	[[ "$said" =~ ^"awsmask: "[^$'\n']*"/ci.slice/actions-runner.service is enrolled (enforce)"[^$'\n']*$'\n'"about $VALUE"about\ EC2_INSTANCE_[0-9]+$ ]] || {
		echo "$said"
		return 1
	}
}

# Its shell provisioner's lines are one script of an unprivileged user.
packer_provisions() {
	image_base && python3 - "$PWD/deploy/ci/packer/awsmask.pkr.hcl" <<-'END' >"$WORK/packer" || return 1
		import json, re, sys
		text = open(sys.argv[1]).read()
		lines = re.search(r"inline = (\[.*?)\n\s*\]", text, flags=re.S).group(1).rstrip(",") + "]"
		print("\n".join(json.loads(lines)).replace("${var.runner_unit}", "actions-runner.service"))
	END
	machine sh -c 'cat >/tmp/script' <"$WORK/packer" && machine runuser -u builder -- sh -e /tmp/script && machine rm /tmp/script &&
		[ -z "$(machine find /var/lib/awsmask /var/log/awsmask -type f)" ]
}

# Files before packages, and what apt is told, as cloud-init does it.
cloud_init_provisions() {
	image_base && machine sh -c 'cat >/tmp/user-data' <deploy/ci/cloud-init/user-data.yaml && machine python3 -c 'if True:
		import os, subprocess, yaml
		data = yaml.safe_load(open("/tmp/user-data"))
		for f in data["write_files"]:
			os.makedirs(os.path.dirname(f["path"]), exist_ok=True)
			open(f["path"], "w").write(f["content"])
		assert "awsmask" in data["packages"]
		subprocess.run(["apt-get", "-o", "Dpkg::Options::=--force-confold", "--assume-yes", "install", "/tmp/awsmask.deb"], check=True,
			env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"), stdin=subprocess.DEVNULL)
		for command in data["runcmd"]:
			subprocess.run(command, check=True)' && machine rm /tmp/user-data
}

# Below an overlay of the machine, in namespaces of its own, with the privileges that its first lines ask for.
CONTAINER=/run/container
in_container() {
	as_unit unshare --mount --pid --cgroup --ipc --uts --fork --propagation private sh -ec "cd $CONTAINER
		mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
		mount -t proc proc root/proc && mount -t sysfs sysfs root/sys && mount -t cgroup2 cgroup2 root/sys/fs/cgroup
		mount -t tmpfs tmpfs root/run && mount --rbind /dev root/dev
		cp --remove-destination /etc/hosts root/etc/hosts
		exec chroot root \"\$@\"" sh "$@"
}

instruction() { # NAME: what the Containerfile says behind it, lines joined
	sed -e ':join; /\\$/ { N; s/\\\n//; b join }' deploy/ci/container/Containerfile | sed -n "s/^$1 //p"
}

container_masks() {
	local entry said
	machine sh -c "mkdir -p $CONTAINER/upper/tmp $CONTAINER/work $CONTAINER/root && cp $FLEET/good.deb $CONTAINER/upper/tmp/awsmask_1.deb" &&
		in_container sh -ec "$(instruction RUN)" && machine test -x $CONTAINER/upper/usr/sbin/awsmaskctl -a ! -e /usr/sbin/awsmaskctl || return 1
	mapfile -t entry < <(instruction ENTRYPOINT | python3 -c 'import json, sys; print(*json.load(sys.stdin), sep="\n")')
	machine rm -f /run/seen
	said=$(in_container "${entry[@]}" curl -sS --max-time 60 -H 'content-type: text/plain' -d "about $VALUE" "http://$TARGET/v1/x" 2>&1)
	[[ "$said" == *"about $VALUE"*"requests to targets: 1"* && "$(machine cat /run/seen)" =~ ^"about EC2_INSTANCE_"[0-9]+$ ]] || {
		echo "$said"
		return 1
	}
}

container_forgotten() {
	machine rm -rf $CONTAINER && as_before
}

prepare || exit 1
check "the role in check mode changes nothing" tried
check "the machine is as it was" as_before
check "the role installs, configures and proves" first_run
check "nothing but what is enrolled is touched" passes
check "what is enrolled is masked" is_masked
check "Claude Code from npm is masked" claude_is_masked
check "a rotation of the CA: Claude Code is served with the store as it was before, and as it is" claude_outlives_a_rotation
check "a second run changes nothing" nothing_changes
check "nor does check mode find anything to change" nothing_changes --check
check "a wrong argument is refused" refused -e awsmask_fail_open=1 -e awsmask_mode=sometimes "one of: enforce, observe"
check "a wrong setting is refused, and says where" refused -e '{"awsmask_settings": {"prots": [443]}}' "prots"
check "what was masked still is" is_masked
check "outside of the enforced groups it observes" observes
check "and enforces again" enforces
check "dpkg upgrades: no stream is cut, no connect refused, and what is kept is kept" under_load dpkg_upgrades
check "the role upgrades: no stream is cut, no connect refused, and what is kept is kept" under_load role_upgrades
check "a host that is not well ends a rollout before the next" unwell_by_trust
check "mended, it goes on" goes_on_to_the_rest rollout -e "$enforcing"
check "a version that does not start ends an upgrade before the next host, and nothing leaves unmasked" broken_is_stopped
check "the version that mends it goes to all" mended_goes_on
check "removed by the role, nothing is masked nor refused, and the vault stays" role_removes
check "purged by the role, it is gone" role_purges
check "the machine is as it was" as_before
check "dpkg installs: a daemon runs, nothing is enrolled" dpkg_installs
check "enrolled by hand, it masks" begun_by_hand
check "dpkg removes: all is released, and the vault stays" dpkg_removes
check "dpkg purges: the vault, the keys and the configuration are gone" dpkg_purges
check "the machine is as it was" as_before
check "packer's provisioners run, and no key, vault or log is in the image" packer_provisions
check "an instance of it makes a CA of its own, and its runner's job is masked" job_is_masked start actions-runner
check "the machine is as it was" image_forgotten
check "cloud-init's instructions run" cloud_init_provisions
check "its runner's job is masked" job_is_masked restart actions-runner
check "the machine is as it was" image_forgotten
check "the container's image is made, and its job is masked" container_masks
check "the machine is as it was" container_forgotten
check "rpm installs: a daemon runs, nothing is enrolled" rpm_installs
check "enrolled by hand, it masks" begun_by_hand
check "rpm upgrades: no stream is cut, no connect refused, and what is kept is kept" under_load rpm_upgrades
check "rpm removes: all is released, and the vault stays" rpm_removes
check "with what is one's own gone, too, the machine is as it was" rpm_leaves
[ $FAILED = 0 ] || machine journalctl --no-pager -n 40 -u 'awsmask*'
cases_sum
