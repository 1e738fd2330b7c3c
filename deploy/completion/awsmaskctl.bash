# SPDX-License-Identifier: Apache-2.0
# bash completion for awsmaskctl: commands and options from its own help, cgroups from the mount.
_awsmaskctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' mount i
	local words=" ${COMP_WORDS[*]} "
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--config | --socket | --color | --target) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $prev in
	--mode) mapfile -t COMPREPLY < <(compgen -W 'enforce observe' -- "$cur") && return ;;
	--fail) mapfile -t COMPREPLY < <(compgen -W 'closed open' -- "$cur") && return ;;
	--target) mapfile -t COMPREPLY < <(compgen -W "$(awsmaskctl config show 2>/dev/null |
		sed -n 's/^targets: *\[\(.*\)\]$/\1/p' | tr -d ,)" -- "$cur") && return ;;
	--verdict) mapfile -t COMPREPLY < <(compgen -W 'masked passed spliced refused done' -- "$cur") && return ;;
	--event) mapfile -t COMPREPLY < <(compgen -W 'request flow enroll unenroll reload ca-reload start stop torn' -- "$cur") && return ;;
	--user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") && return ;;
	--type) mapfile -t COMPREPLY < <(compgen -W "$(awsmaskctl catalogue | awk 'NR > 1 { print $1 }')" -- "$cur") && return ;;
	--color) mapfile -t COMPREPLY < <(compgen -W 'always never auto' -- "$cur") && return ;;
	--sort) mapfile -t COMPREPLY < <(compgen -W 'rate bytes age masked requests doing program target cgroup' -- "$cur") && return ;;
	--by) mapfile -t COMPREPLY < <(compgen -W 'type cgroup day target' -- "$cur") && return ;;
	--config | --socket | --vault | --db | --html) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(awsmaskctl help ${command:+"$command"} 2>/dev/null |
			sed -n 's/^  \(--[a-z-]*\) .*/\1/p')" -- "$cur")
		return
	fi
	case $command in
	'' | help) mapfile -t COMPREPLY < <(compgen -W "help $(awsmaskctl help |
		sed -n 's/^  \([a-z]*\)  .*/\1/p')" -- "$cur") ;;
	enroll | unenroll)
		if [[ $words == *' --exe '* ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "${cur:-/}")
			return
		fi
		mount=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
		mapfile -t COMPREPLY < <(cd "$mount" 2>/dev/null && compgen -d -- "$cur")
		;;
	report) [[ $words != *' --html'* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	ca) mapfile -t COMPREPLY < <(compgen -W 'show install remove rotate' -- "$cur") ;;
	audit)
		if [[ $words == *' verify '* || $words == *' show '* || $words == *' follow '* ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W 'verify show follow' -- "$cur")
		fi
		;;
	vault) mapfile -t COMPREPLY < <(compgen -W 'check repair' -- "$cur") ;;
	config) mapfile -t COMPREPLY < <(compgen -W 'check show' -- "$cur") ;;
	catalogue) mapfile -t COMPREPLY < <(compgen -W "$(awsmaskctl catalogue | awk 'NR > 1 { print $1 }')" -- "$cur") ;;
	run) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	esac
}
complete -F _awsmaskctl awsmaskctl
