#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Try every way of the table, in a place of lib.bash: first without awsmask, where each must reach the origin, then from
inside the enrolled cgroup. Each try has a value of its own, which is searched for in all that the origin received."""
import argparse
import json
import os
import signal
import sys
import time
import traceback

import rows
import ways_places  # noqa: F401: these fill the table
import ways_sockets  # noqa: F401
import ways_words  # noqa: F401
from rows import BOUNDARY, CLOSED, MASKED, REFUSED, SPLICED, Try, Unsupported, enter

LOG = os.path.join(os.environ["PLACE"], "log")
TRY_SECONDS = 25


class Received:
    """All that the origin and its like have written down, read once."""

    def __init__(self):
        self.sizes, self.bytes = {}, b""

    def look(self):
        for entry in sorted(os.scandir(LOG), key=lambda e: e.name):
            read = self.sizes.get(entry.name, 0)
            if entry.stat().st_size > read:
                with open(entry.path, "rb") as file:
                    file.seek(read)
                    piece = file.read()
                self.bytes += piece
                self.sizes[entry.name] = read + len(piece)
        return self.bytes


class Outcome:
    def __init__(self, verdict, why):
        self.verdict, self.why = verdict, why


def run(function, cgroup, text, outside):
    """The way, in a process of its own. Returns (how it ended, in what words)."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        signal.alarm(TRY_SECONDS)
        end = ["done", ""]
        try:
            try_ = Try(cgroup, text)
            if not outside:
                try_.enter()
            function(try_)
        except Unsupported as error:
            end = ["unsupported", str(error)]
        except OSError as error:  # TLS's own are some
            end = ["error", f"{type(error).__name__}: {error}"]
        except BaseException:
            end = ["broken", traceback.format_exc()]
        os.write(tell, json.dumps(end).encode()[:4000])
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as file:
        words = file.read()
    os.waitpid(pid, 0)
    return json.loads(words) if words else ["broken", f"it took longer than {TRY_SECONDS} s"]


def attempt(received, row, cgroup, number, expected):
    """What became of it, by what the origin has."""
    _, _, _, _, outside, function = row
    value, mark = b"i-0b%015x" % number, b"way%06d" % number
    ended, why = run(function, cgroup, mark + b" is about " + value + b".", outside)
    if ended in ("unsupported", "broken"):
        return Outcome(ended, why), value
    # What is expected may be under way; what is not has come by the end, or comes to light in the last look.
    deadline = time.monotonic() + (2 if expected in (MASKED, SPLICED, BOUNDARY) else 0)
    while True:
        seen = received.look()
        verdict = "passed" if value in seen else MASKED if mark in seen else REFUSED
        if verdict != REFUSED or time.monotonic() > deadline:
            return Outcome(verdict, why), value
        time.sleep(0.02)


def is_right(expected, verdict):
    if expected in (SPLICED, BOUNDARY):
        return verdict == "passed"
    return verdict in ((MASKED, REFUSED) if expected == CLOSED else (expected,))


def line(good, word, row, note=""):
    print(f"{'ok' if good else 'NOT OK':6}  {word:12} {row[0]}: {row[2]} (origin may see {rows.SEEN[row[1]]}){note}", flush=True)


def judge(received, number, row, counts, kept):
    name, expected, _, control, _, _ = row
    if control:
        free, _ = attempt(received, row, "direct", 2 * number, BOUNDARY)
        if free.verdict not in ("passed", "unsupported"):
            counts["wrong"] += 1
            line(False, free.verdict, row, f"\n        without awsmask it does not get there, so it shows nothing: {free.why}")
            return
    outcome, value = attempt(received, row, "client", 2 * number + 1, expected)
    if outcome.verdict == "unsupported":
        counts["not supported"] += 1
        line(True, "-", row, f"\n        not supported by this kernel: {outcome.why}")
        return
    good = is_right(expected, outcome.verdict)
    counts["wrong" if not good else outcome.verdict] += 1
    line(good, outcome.verdict, row, "" if good else f"\n        expected: {expected}; it ended with: {outcome.why or 'an answer'}")
    if expected in (MASKED, REFUSED, CLOSED):
        kept.append((name, value))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="names of rows; all when there are none")
    args = parser.parse_args()
    received, kept = Received(), []
    counts = {MASKED: 0, REFUSED: 0, "passed": 0, "not supported": 0, "wrong": 0}
    enter("admin")
    names = [row[0] for row in rows.ROWS]
    assert len(names) == len(set(names)), "a name stands for two ways"
    for number, row in enumerate(rows.ROWS):
        if not args.only or row[0] in args.only:
            judge(received, number, row, counts, kept)
    everything = received.look()
    for name, value in kept:
        if value in everything:
            counts["wrong"] += 1
            print(f"NOT OK  later        {name}: its value reached the origin after all")
    print(f"{sum(counts.values())} ways: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    return counts["wrong"] != 0


if __name__ == "__main__":
    sys.exit(main())
