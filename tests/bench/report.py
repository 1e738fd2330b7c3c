#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What was measured, and the goals: report.py DIR [README]

Reads DIR/bench.lines (what run.sh wrote, a measurement a line) and DIR/scan.json (the engines), whichever is there.
Prints Markdown tables, as the README holds them, and writes the same to DIR/bench.json. A ratio is the median of the
rounds' ratios: what is compared ran side by side. The exit status is 1 if any measurement failed. With README, the
goals' tables are also written there, between its two lines that say "bench:".
"""
import datetime
import json
import os
import platform
import statistics
import sys

# group, key, what, at least, aim, format; of "x more" rows more is better, of all others less
GOALS = [
    ("CPU per request", "16K-turn", "next turn of a conversation, 16 KB / nginx that masks nothing", 1.0, 0.85, "x"),
    ("CPU per request", "256K-turn", "next turn of a conversation, 256 KB / nginx", 1.05, 0.90, "x"),
    ("CPU per request", "2M-turn", "next turn of a conversation, 2 MB / nginx", 1.2, 1.05, "x"),
    ("CPU per request", "turn-gzip", "next turn of a conversation, 256 KB, gzipped / nginx", 6, 3, "x"),
    ("CPU per request", "16K-again", "the same request again, 16 KB / nginx", 1.0, 0.85, "x"),
    ("CPU per request", "256K-again", "the same request again, 256 KB / nginx", 1.05, 0.90, "x"),
    ("CPU per request", "2M-again", "the same request again, 2 MB / nginx", 1.2, 1.05, "x"),
    ("CPU per request", "16K", "all text new, 16 KB / nginx", 1.0, 0.85, "x"),
    ("CPU per request", "256K", "all text new, 256 KB / nginx", 1.05, 0.90, "x"),
    ("CPU per request", "2M", "all text new, 2 MB / nginx", 1.2, 1.05, "x"),
    ("CPU per request", "gzip", "all text new, 256 KB, gzipped / nginx", 6, 3, "x"),
    ("CPU per request", "gzip-none", "all text new, 256 KB, gzipped, nothing to mask / nginx", 2.5, 1.8, "x"),
    ("CPU per request", "haproxy", "all text new, 256 KB / HAProxy that masks nothing", None, None, "x"),
    ("CPU per request", "fastapi-turn", "next turn, 256 KB: FastAPI and httpx, 7 expressions / awsmask", 75, 100, "x more"),
    ("CPU per request", "mitmproxy-turn", "next turn, 256 KB: mitmproxy, 7 expressions / awsmask", 75, 100, "x more"),
    ("CPU per request", "lua-turn", "next turn, 256 KB: nginx + Lua, all expressions / awsmask", 200, 300, "x more"),
    ("CPU per request", "fastapi", "all text new, 256 KB: FastAPI and httpx, 7 expressions / awsmask", 75, 100, "x more"),
    ("CPU per request", "mitmproxy", "all text new, 256 KB: mitmproxy, 7 expressions / awsmask", 75, 100, "x more"),
    ("CPU per request", "lua", "all text new, 256 KB: nginx + Lua, all expressions / awsmask", 200, 300, "x more"),
    ("CPU per request", "fastapi-nginx", "all text new, 256 KB: FastAPI / nginx that masks nothing", None, None, "x more"),
    ("Latency", "added-turn", "next turn, added median / what nginx adds, one connection", 1.1, 1.0, "x"),
    ("Latency", "p99-turn", "next turn, 99th percentile / nginx's, 32 connections", 1.2, 1.0, "x"),
    ("Latency", "added", "all text new, added median / what nginx adds, one connection", 1.1, 1.0, "x"),
    ("Latency", "p99", "all text new, 99th percentile / nginx's, 32 connections", 1.2, 1.0, "x"),
    ("Streams", "first-turn", "next turn, time to the first event / nginx's", 1.05, 0.9, "x"),
    ("Streams", "first", "all text new, time to the first event / nginx's", 1.05, 0.9, "x"),
    ("Streams", "delay", "delay of an event / nginx's", 1.1, 1.0, "x"),
    ("Memory", "idle", "idle", 15, 8, "MB"),
    ("Memory", "requests", "after 32 connections with 256 KB each", 60, 30, "MB"),
    ("Memory", "streams", "with 200 streams", 120, 80, "MB"),
    ("Other hosts", "splice-cpu", "CPU of all, download of 100 MB / direct", 1.6, 1.3, "x"),
    ("Other hosts", "splice-time", "time, download of 100 MB / direct", 1.6, 1.3, "x"),
    ("Threads", "threads", "requests per second, two threads / one", 1.7, 1.9, "x more"),
    ("Threads", "room", "what clients and origin leave room for on these cores", None, None, "x more"),
    ("Engines", "pcre2", "detect, AVX2 / PCRE2 alternations", 60, 90, "x more"),
    ("Engines", "hyperscan", "detect / Hyperscan as a prefilter", 3, 5, "x more"),
    ("Engines", "memcpy", "mask a request / memcpy", 0.10, 0.15, "x more"),
    ("Engines", "memcpy-turn", "mask the next turn of a conversation / memcpy", 0.10, 0.15, "x more"),
    ("Engines", "hostile", "detect, worst hostile body", 0.5, 1, "GB/s more"),
    ("Engines", "rules", "time of the whole catalogue / of its first 60 rules", 1.3, 1.1, "x"),
]
FEW, HOSTILE = "256K few", ("256K digits", "256K dashes", "256K capitals", "256K arns", "256K escapes", "256K arn",
                            "256K 10.", "256K keys", "256K mix", "256K starts", "256K dots",
                            "256K UUIDs", "256K short ids", "256K 10.1.2")


class Runs:
    """The end-to-end measurements, by part, shape, connections, threads and way, in the order of the rounds."""

    def __init__(self, path):
        self.by_key, self.memory, self.notes, self.failures, self.began = {}, {}, [], [], {}
        for line in open(path, encoding="utf-8") if os.path.exists(path) else []:
            entry = json.loads(line)
            if entry["part"] == "machine":
                self.began = entry
            elif entry["part"] == "note":
                self.notes.append(entry["text"])
            elif "when" in entry:
                self.memory[entry["when"]] = entry["mib"]
            else:
                self.add(entry["part"], entry["threads"], entry["run"])

    def add(self, part, threads, run):
        if "fail" in run:
            self.failures.append((part, run["shape"], run["way"], run["fail"]))
        key = (part, run["shape"], run["connections"], threads, run["way"])
        self.by_key.setdefault(key, []).append(run)

    def of(self, part, shape, way, connections=None, threads=1):
        found = [runs for key, runs in self.by_key.items() if key[:2] == (part, shape) and key[3:] == (threads, way)
                 and connections in (None, key[2])]
        return [] if not found or any("fail" in run for run in found[0]) else found[0]


def cpu(run):
    return run["cpu_ms"]["proxy"]


def of_series(name, quantile):
    return lambda run: run[name][quantile]


def ratio(value, runs, others, by=None):
    """The median of the rounds' ratios, and how far apart they are; None: one of them is not there."""
    by = by or value
    ratios = [value(run) / by(other) for run, other in zip(runs, others) if by(other)]
    if not ratios:
        return None
    middle = statistics.median(ratios)
    return middle, (max(ratios) - min(ratios)) / middle


def room_for_two(run):
    """How many times one thread's requests two could do: the cores are the clients' and the origin's, too, which is one thread."""
    spent = run["cpu_ms"]
    return min(2, os.cpu_count() * spent["proxy"] / sum(spent.values()), spent["proxy"] / spent["origin"])


def end_to_end(runs):
    def cpu_ratio(shape, way="nginx", part="requests"):
        return ratio(cpu, runs.of(part, shape, "awsmaskd"), runs.of(part, shape, way))

    def added(shape):
        ways = [[run["latency_ms"]["p50"] for run in runs.of("latency", shape, way, 1)]
                for way in ("direct", "awsmaskd", "nginx")]
        more = [(ours - direct) / (theirs - direct) for direct, ours, theirs in zip(*ways) if theirs > direct]
        return more and (statistics.median(more), (max(more) - min(more)) / statistics.median(more))

    def p99(shape):
        return ratio(of_series("latency_ms", "p99"), runs.of("latency", shape, "awsmaskd", 32),
                     runs.of("latency", shape, "nginx", 32))

    def of_events(series, shape):
        return ratio(of_series(series, "p50"), runs.of("streams", shape, "awsmaskd"),
                     runs.of("streams", shape, "nginx"))

    splice = runs.of("splice", "download", "awsmaskd"), runs.of("splice", "download", "direct")
    one, two = (runs.of("threads", "256K-words", "awsmaskd", threads=n) for n in (1, 2))
    figures = {
        "gzip": cpu_ratio("256K-gzip"), "gzip-none": cpu_ratio("256K-gzip-none"),
        "turn-gzip": cpu_ratio("256K-turn-gzip"), "haproxy": cpu_ratio("256K", "haproxy"),
        **{shape: cpu_ratio(shape) for size in ("16K", "256K", "2M")
           for shape in (size, f"{size}-turn", f"{size}-again")},
        "added": added("256K"), "added-turn": added("256K-turn"), "p99": p99("256K"), "p99-turn": p99("256K-turn"),
        "first": of_events("first_event_ms", "events"), "first-turn": of_events("first_event_ms", "events-turn"),
        "delay": of_events("delay_ms", "events"),
        "splice-cpu": ratio(lambda run: sum(run["cpu_ms"].values()), *splice),
        "splice-time": ratio(of_series("latency_ms", "p50"), *splice),
        "threads": ratio(lambda run: run["rps"], two, one),
        "room": ratio(room_for_two, one, [1] * len(one), by=float),
    }
    for way in ("fastapi", "mitmproxy", "lua"):
        for name, shape in ((way, "256K"), (f"{way}-turn", "256K-turn")):
            figures[name] = ratio(cpu, runs.of("peers", shape, way), runs.of("peers", shape, "awsmaskd"))
    figures["fastapi-nginx"] = ratio(cpu, runs.of("peers", "256K", "fastapi"), runs.of("peers", "256K", "nginx"))
    for when, mib in runs.memory.items():
        figures[when] = (mib, None)
    return figures


def engines(path):
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        scan = json.load(file)
    bodies = {body["body"]: body for body in scan["bodies"]}
    turn = next(turns for turns in scan["turns"] if turns["size"] == 256 << 10)
    few, by_variant = bodies[FEW], scan["detect"]

    def rate(body, engine):
        return body[engine] and body[engine]["gbps"]

    figures = {"memcpy": rate(few, "mask") / rate(few, "memcpy"),
               "memcpy-turn": turn["bytes"] / turn["next turn"] / 1e3 / rate(few, "memcpy"),
               "hostile": min(rate(bodies[name], "detect") for name in HOSTILE),
               "rules": by_variant["few rules"] / max(rate for name, rate in by_variant.items()
                                                        if name not in ("few rules", "rules"))}
    if rate(few, "pcre2") and "avx2" in by_variant:
        figures["pcre2"] = by_variant["avx2"] / rate(few, "pcre2")
    if rate(few, "hyperscan"):
        figures["hyperscan"] = rate(few, "detect") / rate(few, "hyperscan")
    return {key: (value, None) for key, value in figures.items()}


def verdict(value, least, aim, more):
    """Whether a goal is met, and if not by what factor it is missed."""
    if least is None:
        return "-"
    far = (lambda goal: goal / value) if more else (lambda goal: value / goal)
    if far(aim) <= 1:
        return "aim met"
    return "met" if far(least) <= 1 else f"short by {far(least):.2f}x"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.1 else f"{value:.2g}"


def row_of(goal, figure):
    _, key, what, least, aim, form = goal
    unit, _, more = form.partition(" ")
    row = {"key": key, "what": what, "at_least": least, "aim": aim, "unit": unit}
    if not figure:
        return {**row, "measured": None, "is": "not measured"}
    value, spread = figure
    return {**row, "measured": value, "spread": spread, "is": verdict(value, least, aim, bool(more))}


def table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |\n"
                   for row in [head, ["-" * width for width in widths], *rows]) + "\n"


def goals(results):
    tables = ""
    for group in dict.fromkeys(goal[0] for goal in GOALS):
        rows = [row for goal, row in zip(GOALS, results) if goal[0] == group]
        if all(row["measured"] is None for row in rows):
            continue
        tables += table([group, "measured", "~", "at least", "aim", "is"], [
            [row["what"], number(row["measured"]) + " " + row["unit"] if row["measured"] is not None else "-",
             f"{row['spread']:.0%}" if row.get("spread") is not None else "",
             str(row["at_least"] or "-"), str(row["aim"] or "-"), row["is"]] for row in rows])
    return tables


def measurements(runs):
    """Each shape and way: what was measured, before it became a ratio."""
    rows = []
    for (part, shape, connections, threads, way), found in runs.by_key.items():
        name = [part, shape, str(connections), way + (f", {threads} threads" if threads > 1 else "")]
        wrong = [run["fail"] for run in found if "fail" in run]
        if wrong:
            rows.append([*name, "FAIL", wrong[0], "", "", "", ""])
        elif part != "introduction":
            rows.append([*name, *measurement(found)])
    return rows and table(["part", "shape", "connections", "way", "CPU ms/request", "p50 ms", "p99 ms", "requests/s",
                           "leaks", "wrong echoes"], rows) or ""


def measurement(found):
    def middle(value):
        return statistics.median(value(run) for run in found)

    worked = "-" if "proxy" not in found[0].get("cpu_ms", {}) else f"{middle(cpu):.3f}"
    return [worked, f"{middle(of_series('latency_ms', 'p50')):.2f}", f"{middle(of_series('latency_ms', 'p99')):.2f}",
            f"{middle(lambda run: run['rps']):.1f}", str(sum(run["seen"] for run in found)),
            str(sum(run["wrong_echoes"] for run in found))]


def machine(began):
    """Where and when it was; began: what run.sh noted before it started."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "?")
    load, cores = began.get("load_average", os.getloadavg()[0]), os.cpu_count()
    return {"processor": model, "cores": cores, "kernel": platform.release().partition("-")[0], "load_average": load,
            "day": began.get("day", datetime.date.today().isoformat()), "was_busy": load > cores / 2}


def leaks(runs):
    """What the ways beside ours let through, and did not restore; ours nothing, or there is FAIL."""
    def each(found, key, more=lambda run: 0):
        return sum(run[key] for run in found) / sum(run["requests"] + more(run) for run in found)

    def first_ones(run):
        """Each connection asks once before anything is measured; those answers are looked at, too."""
        return run["connections"]

    clear = runs.of("requests", "256K", "nginx") or runs.of("latency", "256K", "nginx", 1)
    found = {way: runs.of("peers", "256K", way) for way in ("fastapi", "mitmproxy", "lua")}
    told = [f"{way} {each(runs_of_way, 'seen'):.0f} (and restores "
            f"{each(runs_of_way, 'wrong_echoes', first_ones):.0%} of the answers wrongly)"
            for way, runs_of_way in found.items() if runs_of_way]
    of_all = f" of about {each(clear, 'seen'):.0f}" if clear else ""
    if not told:
        return ""
    return f"Identifiers of a request of 256 KB that reach the origin{of_all}: awsmask 0, {', '.join(told)}.\n\n"


def write_readme(path, text):
    with open(path, encoding="utf-8") as file:
        before, begin, rest = file.read().partition("<!-- bench: begin -->\n")
    _, end, after = rest.partition("<!-- bench: end -->\n")
    if not begin or not end:
        sys.exit(f"{path} has no lines <!-- bench: begin --> and <!-- bench: end -->")
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + text + end + after)


def main(directory, readme=None):
    runs = Runs(os.path.join(directory, "bench.lines"))
    here = machine(runs.began)
    figures = {**end_to_end(runs), **engines(os.path.join(directory, "scan.json"))}
    results = [row_of(goal, figures.get(goal[1])) for goal in GOALS]
    text = (f"{here['processor']}, {here['cores']} cores, Linux {here['kernel']}, {here['day']}, load average before "
            f"{here['load_average']:.1f}{'; others were at work: latencies say little' if here['was_busy'] else ''}\n\n"
            + goals(results) + leaks(runs))
    print(text + measurements(runs), end="")
    for note in runs.notes:
        print(note)
    for part, shape, way, why in runs.failures:
        print(f"FAIL: {part}, {shape}, {way}: {why}")
    with open(os.path.join(directory, "bench.json"), "w", encoding="utf-8") as file:
        json.dump({**here, "failures": runs.failures, "notes": runs.notes, "results": results,
                   "measurements": [{"part": key[0], "shape": key[1], "connections": key[2], "threads": key[3],
                                     "way": key[4], "rounds": rounds} for key, rounds in runs.by_key.items()]},
                  file, indent=2)
        file.write("\n")
    if readme:
        write_readme(readme, text)
    return 1 if runs.failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
