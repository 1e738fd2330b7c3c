# SPDX-License-Identifier: Apache-2.0
"""Hold the page of `awsmaskctl report --html` against `awsmaskctl report --json --by day,type` and others.

	page.py PAGE JSON...    each JSON is one answer

The page must be well-formed XML as well as HTML, without script, style attributes or anything that is fetched; its
numbers must be those of the answers. Prints what is wrong; the exit status is 1 then.
"""
import base64, hashlib, html.parser, json, re, sys
import xml.etree.ElementTree as tree

SUMS = ("requests", "findings", "found", "masked", "passed", "refused", "unmaskable")
wrong = []


def expect(what, want, got):
    if want != got:
        wrong.append(f"{what}: wanted {want!r}, got {got!r}")


def tag(element):
    return element.tag.rsplit("}", 1)[-1]


def words(element):
    return " ".join("".join(element.itertext()).split())


def number(element):
    return int(words(element).replace(",", ""))


def rows_of(table):
    """Head of the row -> the numbers behind it; cells that are no numbers are left out."""
    found = {}
    for row in table.iter():
        if tag(row) != "tr" or not any(tag(cell) == "td" for cell in row):
            continue
        cells = [cell for cell in row if tag(cell) == "td" and cell.get("class", "").split()[:1] == ["n"]]
        found[words(row[0])] = [number(cell) for cell in cells if re.fullmatch("[0-9,]+", words(cell))]
    return found


class Strict(html.parser.HTMLParser):
    """As a browser reads it: what is open is closed, in its order."""

    EMPTY = ("meta",)

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, name, attributes):
        if name not in self.EMPTY:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        pass

    def handle_endtag(self, name):
        expect("an element's end", self.open.pop() if self.open else None, name)


def check_form(text, root):
    strict = Strict()
    strict.feed(text)
    strict.close()
    expect("elements left open", [], strict.open)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    expect("ids that are there twice", [], sorted({i for i in ids if ids.count(i) > 1}))
    for element in root.iter():
        if tag(element) in ("script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"):
            wrong.append(f"there is a <{tag(element)}>")
        for name, value in element.attrib.items():
            name = name.rsplit("}", 1)[-1]
            if name == "style" or name.startswith("on") or name == "src":
                wrong.append(f"<{tag(element)}> has {name}")
            if name == "href" and not (value.startswith("#") and value[1:] in ids):
                wrong.append(f"a link leads to {value}")
            if name in ("aria-labelledby", "aria-describedby") and not set(value.split()) <= set(ids):
                wrong.append(f"{name} is {value}")
    heads = [int(tag(element)[1]) for element in root.iter() if re.fullmatch("h[1-6]", tag(element))]
    expect("the first heading", 1, heads[0])
    expect("first-level headings", 1, heads.count(1))
    expect("headings that skip a level", [], [b for a, b in zip(heads, heads[1:]) if b > a + 1])
    expect("language", "en", root.get("lang"))


def check_policy(root):
    policy = [e.get("content") for e in root.iter() if e.get("http-equiv") == "Content-Security-Policy"]
    style = [e.text for e in root.iter() if tag(e) == "style"]
    expect("policies and styles", (1, 1), (len(policy), len(style)))
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    expect("the policy", f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'", policy[0])
    expect("what the style fetches", [], re.findall(r"url\((?!#)|@import", style[0]))


def total(modes, key):
    return sum(mode[key] for mode in modes.values())


def check_numbers(root, answers):
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    modes = answers[0]["modes"]
    outcomes = answers[0].get("outcomes", [])
    for key in ("requests", "found", "masked", "passed", "refused"):
        expect(key, total(modes, key), number(by_id["n-" + key]))
    spliced = sum(row["count"] for row in outcomes if row["outcome"] == "spliced")
    expect("connections passed through", spliced, number(by_id["n-spliced"]))
    expect("modes", {mode: [sums[key] for key in SUMS] for mode, sums in modes.items()}, rows_of(by_id["modes"]))
    for answer in answers:
        for table in answer["tables"]:
            check_table(by_id, table, outcomes)


def check_table(by_id, table, outcomes):
    if table["by"] == ["type"]:
        want = {}
        for row in table["rows"]:
            sums = want.setdefault(row["type"], [0] * 5)
            for i, key in enumerate(("findings", "found", "masked", "passed", "blocked")):
                sums[i] += row[key]
        expect("types", want, rows_of(by_id["type-table"]))
    if table["by"] == ["cgroup"]:
        want = {}
        for row in table["rows"]:
            sums = want.setdefault(row["cgroup"], [0] * 6)
            sums[0 if row["mode"] == "enforce" else 1] += row["requests"]
            for i, key in enumerate(("found", "masked", "passed", "refused")):
                sums[2 + i] += row[key]
        expect("cgroups", want, {name: row[:6] for name, row in rows_of(by_id["cgroup-table"]).items() if any(row[:2])})
    if table["by"] == ["day"]:
        want = {}
        for row in table["rows"]:
            sums = want.setdefault(row["day"], [0] * 6)
            sums[0 if row["mode"] == "enforce" else 1] += row["requests"]
            for i, key in enumerate(("refused", "found", "masked", "passed")):
                sums[2 + i] += row[key]
        want["Total"] = [sum(column) for column in zip(*want.values())]
        expect("days", want, {name: row[:6] for name, row in rows_of(by_id["day-table"]).items() if any(row[:2])})
    refused = {}
    for row in outcomes:
        if row["outcome"] in ("refused", "unmaskable"):
            refused.setdefault(row["why"], [0, 0])[row["outcome"] == "unmaskable"] += row["count"]
    if refused:
        expect("reasons", refused, rows_of(by_id["refusal-table"]))


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        text = f.read()
    root = tree.fromstring(text)
    check_form(text, root)
    check_policy(root)
    answers = []
    for name in sys.argv[2:]:
        with open(name, encoding="utf-8") as f:
            answers.append(json.load(f))
    if answers:
        check_numbers(root, answers)
    print(*wrong, sep="\n")
    sys.exit(1 if wrong else 0)


main()
