# SPDX-License-Identifier: Apache-2.0
"""What a daemon tells, and what rules, dashboard and runbook make of it.

metrics.py PAGE REPOSITORY: whether the page is well-formed, and every metric and label that deploy/prometheus and
deploy/grafana speak of is in it. Says what is not, and ends with 1.
"""
import json
import pathlib
import re
import sys

NAME = re.compile(r"\bawsmask_[a-z0-9_]+\b")
SAMPLE = re.compile(r'^(awsmask_[a-z0-9_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\["\\n])*)"')
SUFFIXES = ("_bucket", "_sum", "_count")

wrong = []


def say(what):
    wrong.append(what)


class Page:
    def __init__(self, text):
        self.types, self.labels, self.series = {}, {}, set()
        if not text.endswith("\n"):
            say("the page does not end with a newline")
        helped = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                helped = line.split(" ")[2]
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                if name != helped or name in self.types:
                    say(f"{name}: introduced twice, or without HELP")
                self.types[name] = kind
            else:
                self.sample(line)

    def sample(self, line):
        m = SAMPLE.match(line)
        if not m:
            return say(f"no sample: {line}")
        name, labels = m.group(1), m.group(2) or ""
        base = self.base(name)
        float(m.group(3))
        if base not in self.types:
            say(f"{name}: no TYPE before it")
        elif self.types[base] == "counter" and not name.endswith("_total"):
            say(f"{name}: a counter's name ends with _total")
        if (name, labels) in self.series:
            say(f"{name}{labels}: twice")
        self.series.add((name, labels))
        for label, value in LABEL.findall(labels):
            self.labels.setdefault(name, {}).setdefault(label, set()).add(value)
        return None

    def base(self, name):
        for s in SUFFIXES:
            if name.endswith(s) and self.types.get(name[: -len(s)]) == "histogram":
                return name[: -len(s)]
        return name

    def knows(self, name):
        """A name without samples has nothing to count yet: types of values appear with the first one."""
        return any(name == n for n, _ in self.series) or self.types.get(name) == "counter"


def check_query(page, where, query):
    names = NAME.findall(query)
    if not names:
        say(f"{where}: speaks of nothing that is counted: {query}")
    for name in names:
        if not page.knows(name):
            say(f"{where}: there is no {name}")
    # name{label="value"}, name{label=~"a|b"}: words that the page has
    for name, matchers in re.findall(r"(awsmask_[a-z0-9_]+)\{([^}]*)\}", query):
        for label, op, value in re.findall(r'([a-z]+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers):
            known = page.labels.get(name, {}).get(label)
            if label in ("instance", "job") or "$" in value:
                continue
            for word in value.split("|") if op in ("=~", "!~") else [value]:
                if known is None or word not in known:
                    say(f"{where}: {name} has no {label}={word}")


def rules_of(text):
    """The alerts of a rule file: no YAML parser is needed for the one form that we write."""
    for block in re.split(r"^\s*- alert: ", text, flags=re.M)[1:]:
        alert = block.split("\n", 1)[0].strip()
        expr = re.search(r"^\s*expr: (?:[|>]-?\n((?:\s{10,}.*\n)+)|(.*)\n)", block, flags=re.M)
        yield alert, block, (expr.group(1) or expr.group(2)) if expr else ""


def anchor(heading):
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def check_rules(page, repo):
    runbook = (repo / "deploy/RUNBOOK.md").read_text()
    anchors = {anchor(h) for h in re.findall(r"^## (.*)$", runbook, flags=re.M)}
    alerts = set()
    for alert, block, expr in rules_of((repo / "deploy/prometheus/awsmask.rules.yml").read_text()):
        alerts.add(anchor(alert))
        check_query(page, f"alert {alert}", expr)
        for key in ("summary", "description", "severity"):
            if not re.search(rf"^\s*{key}: \S", block, flags=re.M):
                say(f"alert {alert}: no {key}")
        link = re.search(r"^\s*runbook_url: \S*RUNBOOK\.md#(\S+?)\"?$", block, flags=re.M)
        if not link or link.group(1) != anchor(alert) or link.group(1) not in anchors:
            say(f"alert {alert}: the runbook has no section of its own for it")
    if len(alerts) < 8:
        say(f"only {len(alerts)} alerts were found")
    for extra in sorted(a for a in anchors - alerts if a.startswith("awsmask")):
        say(f"the runbook speaks of {extra}, which no rule raises")


def joined(source):
    """C's strings, one after the other, as one."""
    return re.sub(r'"[\s\\]*"', "", source)


def refusals(repo):
    """The reasons that clients are told, and in which words."""
    text = joined((repo / "user/wire/exchange.h").read_text())
    return dict(re.findall(r'^\tX\([A-Z_]+, "([a-z-]+)", \d{3}, "[a-z_]+",[\s\\]*"([^"]*)"', text, flags=re.M))


def connections(repo):
    """The reasons for which connections are refused."""
    for path in (repo / "user/daemon").glob("conn_*.c"):
        text = joined(path.read_text())
        yield from re.findall(r'\b(?:conn_refuse_[a-z]+|refuse|refuse_plainly|watch_refuse)\(c,\s*"([^"]+)"', text)
        if found := re.search(r"\bmisdirected\(.*?\n}", text, flags=re.S):
            yield from re.findall(r'return "([^"]+)"', found.group())


def warnings(repo):
    """The events that are logged as a warning or worse."""
    for path in (repo / "user").rglob("*.c"):
        for call in re.findall(r"\b(?:log_event|conn_log)\(.*?(?:\blog_[a-z]+\(|;)", path.read_text(), flags=re.S):
            if re.search(r"\bLOG_(WARNING|ERR|CRIT)\b", call):
                yield from re.findall(r'"([a-z-]+)"', call)


def section(runbook, title):
    return runbook.split(f"\n## {title}\n")[1].split("\n## ")[0]


def compare(title, known, told):
    if len(known) < 15:
        say(f"only {len(known)} of {title} were found in the source")
    for word in sorted(known - told):
        say(f"the runbook's {title} lack {word}")
    for word in sorted(told - known):
        say(f"the runbook's {title} have {word}, which there is not")


def check_runbook(repo):
    """What it says of refusals, connections and events is what there is."""
    runbook = (repo / "deploy/RUNBOOK.md").read_text()
    known = refusals(repo)
    rows = re.findall(r'^\| "(.*?)" \| `([a-z-]+)` \|', section(runbook, "Refusals"), flags=re.M)
    compare("Refusals", set(known), {reason for _, reason in rows})
    for words, reason in rows:
        if words not in known.get(reason, ""):
            say(f"nobody is told \"{words}\" of {reason}")
    compare("Connections", set(connections(repo)), set(re.findall(r'^\| "(.*?)" \|', section(runbook, "Connections"), flags=re.M)))
    events = re.findall(r"^\| (`.*?) \|", section(runbook, "Events"), flags=re.M)
    compare("Events", set(warnings(repo)), {word for row in events for word in re.findall(r"`([a-z-]+)`", row)})


def panels(node):
    if isinstance(node, dict):
        if "expr" in node:
            yield node["expr"]
        for value in node.values():
            yield from panels(value)
    elif isinstance(node, list):
        for value in node:
            yield from panels(value)


def check_dashboard(page, repo):
    dashboard = json.loads((repo / "deploy/grafana/awsmask.json").read_text())
    queries = list(panels(dashboard))
    if len(queries) < 10:
        say(f"the dashboard has {len(queries)} queries")
    for query in queries:
        check_query(page, "dashboard", query)
    ids = [p["id"] for p in dashboard["panels"]]
    if len(set(ids)) != len(ids):
        say("two panels of the dashboard have one id")


def main(path, repo):
    repo = pathlib.Path(repo)
    page = Page(pathlib.Path(path).read_text())
    check_rules(page, repo)
    check_runbook(repo)
    check_dashboard(page, repo)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
