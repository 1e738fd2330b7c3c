#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real pages of `awsmaskctl report --html`, looked at by a real browser that has no network: tests/e2e/browser.sh BUILD.
# The pictures stay in build/browser.
set -u
BUILD=${1:?"which build directory? (tests/e2e/browser.sh BUILD)"}
HERE=$(cd "$(dirname "$0")" && pwd)
SHOTS=$HERE/../../build/browser
# shellcheck source=tests/e2e/cases.bash
. "$HERE/cases.bash"

T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$SHOTS"
export SOURCE_DATE_EPOCH=1795300000

ctl() {
	"$BUILD/awsmaskctl" --config "$T/empty.yaml" "$@"
}

# As awsmaskd makes it, and nothing is in it yet.
empty_report() { # FILE
	python3 -B - "$1" <<-'END'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		sums = "requests findings found masked passed blocked known refused unmaskable".split()
		key = "day INTEGER NOT NULL, cgroup TEXT NOT NULL, target TEXT NOT NULL, mode TEXT NOT NULL"
		db.executescript(f"""CREATE TABLE tally ({key}, type TEXT NOT NULL, {" INTEGER NOT NULL, ".join(sums)} INTEGER NOT NULL,
		    PRIMARY KEY (day, cgroup, target, mode, type)) WITHOUT ROWID;
		  CREATE TABLE outcome ({key}, outcome TEXT NOT NULL, why TEXT NOT NULL, count INTEGER NOT NULL,
		    PRIMARY KEY (day, cgroup, target, mode, outcome, why)) WITHOUT ROWID;
		  CREATE TABLE about (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
		  INSERT INTO about VALUES ('host', 'none.example'), ('version', '0');
		  PRAGMA application_id = 1635216754; PRAGMA user_version = 1""")
	END
}

filled_report() { # FILE HOST SEED DAYS [hostile]
	empty_report "$1" && python3 -B "$HERE/report_files.py" "$@"
}

page() { # NAME FILE...: and what a parser has to say
	local name=$1
	shift
	ctl report --html "$SHOTS/$name.html" "$@" && python3 -B "$HERE/page.py" "$SHOTS/$name.html"
}

shown() { # ID: a number of the page that was made last, as it is written there
	sed -n "s|.*id=\"$2\">\([0-9,]*\)<.*|\1|p" "$SHOTS/$1.html"
}

browse() { # CHECK NAME TEXT...
	local check=$1 name=$2
	shift 2
	unshare -n -- python3 -B "$HERE/browser.py" "$check" "$SHOTS/$name.html" "$SHOTS/$name" "$@"
}

looks_right() { # NAME
	browse clean "$1" "$(shown "$1" n-requests)" "$(shown "$1" n-found)" "$(shown "$1" n-masked)" "$(shown "$1" n-passed)" \
		"$(shown "$1" n-refused)" "$(shown "$1" n-spliced)" "What is protected, and what is not"
}

it_does_look() {
	browse clean day "a text that is not there" | grep -qF "'a text that is not there' is not to be seen"
}

# The same with pale texts, under a policy that allows them.
pale_texts_are_seen() {
	python3 -B - "$SHOTS/day.html" "$SHOTS/pale.html" <<-'END'
		import base64, hashlib, re, sys
		page = open(sys.argv[1], encoding="utf-8").read().replace("--muted: #57606a", "--muted: #a7b0ba")
		style = re.search("<style>(.*?)</style>", page, re.S).group(1).encode()
		page = re.sub("sha256-[^']*", "sha256-" + base64.b64encode(hashlib.sha256(style).digest()).decode(), page)
		open(sys.argv[2], "w", encoding="utf-8").write(page)
	END
	browse clean pale | grep -qF 'hard to read: TH.'
	local status=$?
	rm -f "$SHOTS"/pale*
	return $status
}

# Somebody has put something in: the browser's own policy stops it, and we see that it does.
tampered() { # WHAT
	sed "s|</main>|$1</main>|" "$SHOTS/fleet.html" >"$SHOTS/tampered.html"
	browse violates tampered
	local status=$?
	rm -f "$SHOTS/tampered.html"
	return $status
}

: >"$T/empty.yaml"
filled_report "$T/a.db" build-01.corp.example 1 90 && filled_report "$T/b.db" ip-10-3-7-21.ec2.internal 2 90 &&
	filled_report "$T/c.db" laptop-17 3 20 && filled_report "$T/long.db" long.example 4 400 &&
	filled_report "$T/day.db" day.example 5 1 && filled_report "$T/hostile.db" - 6 60 hostile && empty_report "$T/none.db" || exit 1
check "a page of a fleet is well-formed" page fleet "$T/a.db" "$T/b.db" "$T/c.db"
check "a page of a fleet, in light and dark, on a screen and a phone, on paper" looks_right fleet
check "a script that was put in is stopped by the page's policy" tampered '<script>document.title = "x"</script>'
check "a picture from elsewhere, too" tampered '<img src="http://127.0.0.1:9/x.png"/>'
check "a style of its own, too" tampered '<p style="color: red">x</p>'
check "a page of 400 days is well-formed" page long "$T/long.db"
check "a page of 400 days" looks_right long
check "a page of one day is well-formed" page day "$T/day.db"
check "a page of one day" looks_right day
check "a text that is missing is missed" it_does_look
check "a text that is too pale is seen to be" pale_texts_are_seen
check "a page of hostile names is well-formed" page hostile "$T/hostile.db"
check "a page of hostile names" looks_right hostile
check "a page of nothing is well-formed" page none "$T/none.db"
check "a page of nothing" browse clean none "Nothing was counted in this period."
cases_sum
