#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The table of the end-to-end benchmark: report.py LINES OUT.json

LINES has what each run of the clients printed. Medians over the rounds; each way as a ratio to the direct one, which
ran beside it. The exit status is 1 if any run failed.
"""
import collections
import json
import os
import statistics
import sys


def middle(runs, key):
    return statistics.median(run[key] for run in runs)


def ratio_of_rounds(runs, direct, key):
    """The median of the rounds' ratios, and how far apart they are."""
    ratios = [run[key] / other[key] for run, other in zip(runs, direct) if other[key]]
    return statistics.median(ratios), (max(ratios) - min(ratios)) / statistics.median(ratios)


def summary(runs, direct):
    worker = [sum(s for name, s in run["cpu"].items() if name != "monitor") / run["requests"] * 1e3 for run in runs]
    monitor = [run["cpu"].get("monitor", 0) / run["requests"] * 1e3 for run in runs]
    speed, spread = ratio_of_rounds(runs, direct, "rps")
    return {"rps": middle(runs, "rps"), "mbps": middle(runs, "mbps"), "p50_ms": middle(runs, "p50"),
            "p99_ms": middle(runs, "p99"), "requests": sum(run["requests"] for run in runs),
            "identifiers_seen": sum(run["seen"] for run in runs), "worker_cpu_ms": statistics.median(worker),
            "monitor_cpu_ms": statistics.median(monitor), "rps_of_direct": speed, "spread": spread,
            "p50_of_direct": ratio_of_rounds(runs, direct, "p50")[0],
            "p99_of_direct": ratio_of_rounds(runs, direct, "p99")[0]}


def cpu(milliseconds, is_watched):
    return f"{milliseconds:.3f}" if is_watched else "-"


def table(groups):
    print(f"{'shape':14} {'way':9} {'req/s':>9} {'MB/s':>8} {'p50 ms':>8} {'p99 ms':>8} "
          f"{'CPU ms/req':>10} {'monitor':>8} {'req/s':>7} {'p50':>6} {'p99':>6} {'~':>5} {'leaks':>7}")
    print(f"{'':14} {'':9} {'':9} {'':8} {'':8} {'':8} {'worker':>10} {'':8} {'of dir.':>7} {'of d.':>6} {'of d.':>6}")
    results = []
    for shape, ways in groups.items():
        for way, runs in ways.items():
            wrong = [run["fail"] for run in runs + ways["direct"] if "fail" in run]
            if wrong:
                print(f"{shape:14} {way:9} FAIL: {wrong[0]}")
                results.append({"shape": shape, "way": way, "fail": wrong[0]})
                continue
            s = summary(runs, ways["direct"])
            worker = cpu(s["worker_cpu_ms"], runs[0]["cpu"])
            monitor = cpu(s["monitor_cpu_ms"], "monitor" in runs[0]["cpu"])
            print(f"{shape:14} {way:9} {s['rps']:9.1f} {s['mbps']:8.1f} {s['p50_ms']:8.2f} {s['p99_ms']:8.2f} "
                  f"{worker:>10} {monitor:>8} {s['rps_of_direct']:7.2f} "
                  f"{s['p50_of_direct']:6.1f} {s['p99_of_direct']:6.1f} {s['spread']:5.0%} {s['identifiers_seen']:7}")
            results.append({"shape": shape, "way": way, **s})
    return results


def main(lines_path, out_path):
    groups = collections.OrderedDict()
    failed = False
    with open(lines_path, encoding="utf-8") as file:
        for line in file:
            run = json.loads(line)
            failed = failed or "fail" in run
            groups.setdefault(run["shape"], collections.OrderedDict()).setdefault(run["way"], []).append(run)
    results = table(groups)
    with open(out_path, "w", encoding="utf-8") as file:
        json.dump({"load_average": os.getloadavg(), "failed": failed, "results": results}, file, indent=2)
        file.write("\n")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
