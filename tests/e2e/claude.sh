#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The real Claude Code CLI from npm, with nothing in its environment that speaks of awsmask:
# tests/e2e/claude.sh BUILD. It asks for a shell command with identifiers in it, runs it, and reports its output.
set -u
BUILD=${1:?"which build directory? (tests/e2e/claude.sh BUILD)"}
export BUILD
# shellcheck source=tests/e2e/helpers.bash
. "$(dirname "$0")/helpers.bash"
# shellcheck source=tests/e2e/cases.bash
. "$(dirname "$0")/cases.bash"

trap 'place_end; rm -rf "${T:-}"' EXIT
trap 'exit 130' INT TERM
T=$(mktemp -d) || exit 1
chmod 0755 "$T"

# The newest releases are one ELF file in a package of the platform; older ones a script for node.
cli_of() {
	local dir=$REPO/build/npm/claude/node_modules/@anthropic-ai file
	for file in "$dir"/claude-code-linux-*/claude "$dir"/claude-code/bin/claude.exe "$dir"/claude-code/cli.js; do
		[ -x "$file" ] && "$file" --version >/dev/null 2>&1 && echo "$file" && return
	done
	return 1
}

claude() { # NAME claude-arguments...
	local name=$1
	shift
	mkdir -p "$T/home.$name/project"
	PLACE_TIMEOUT=120 PLACE_ENV=("HOME=$T/home.$name" "ANTHROPIC_API_KEY=sk-ant-none" "SHELL=/bin/bash" "TERM=dumb"
		"USER=root")
	(cd "$T/home.$name/project" && place_client "$CLI" "$@" </dev/null >"$T/$name.out" 2>"$T/$name.err")
}

said() { # NAME PATTERN
	expect_match "what claude printed" "$2" "$(cat "$T/$1.out" "$T/$1.err")"
}

asked_masked() { # the prompt's request, opened, has placeholders where the values were
	grep -lE "look at $PLACEHOLDER" "$PLACE"/log/*.plain
}

tool_ran_with_values() { # what the shell printed is in the client's own transcript
	grep -rlF "\"stdout\":\"$INSTANCE $VPC" "$T/home.tool/.claude/projects"
}

npm_packages claude "$CLAUDE_PACKAGE" && CLI=$(cli_of) || {
	echo "not ok  Claude Code could not be installed from npm"
	exit 1
}
echo "Claude Code $("$CLI" --version) ($CLI)"
place_new && place_daemon || exit 1

claude text -p "Please look at $INSTANCE and s3://$BUCKET"
check "a plain question is answered" said text "$INSTANCE.*$BUCKET"
check "its request was masked" asked_masked
check "its requests come gzipped" grep -qis '^content-encoding: *gzip' "$PLACE"/log/*.head
check "no value left" no_leak

claude tool -p "Run it for $INSTANCE and $VPC [[tool]]" --allowedTools Bash
check "a tool call over two turns is reported" said tool "$INSTANCE.*$VPC|$INSTANCE"
check "the tool ran with the real values" tool_ran_with_values
check "no value left" no_leak

claude error -p "Look at $INSTANCE [[error status=400]]"
check "an error is shown with the value restored" said error "$INSTANCE"
check "no value left" no_leak

place_daemon_stop
check "the daemon stopped" true
[ $FAILED = 0 ] || {
	tail -n 40 "$PLACE/daemon.log"
	head -c 2000 "$T"/*.out "$T"/*.err
}
cases_sum
