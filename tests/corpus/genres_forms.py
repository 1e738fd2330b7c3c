# SPDX-License-Identifier: Apache-2.0
"""Documents told by a template each (forms/*.txt): what programs, services and people write, each in its own form.

A file of forms is one genre. A line "=== what it is" begins a form. In a form stands

  «TYPE»      a fresh value of that type; «TYPE:word» the same one each time in this document
  «=text»     what must stay; «~text» what may stay or go
  «word»      something of this world: region, date, time, stamp, sha, n ...
"""
import json
import re
from pathlib import Path
from typing import Callable, Dict, List

import clean
import ids
from marks import escaped, keep, neutral, value
from world import World

FORMS = Path(__file__).resolve().parent / "forms"
PLACE = re.compile(r"«([^»]+)»")
# other spellings of a type's values
SHAPES = {"DASHED": ("AWS_ACCOUNT", "<d4>-<d4>-<d4>"), "SESSION": ("RUN_ID", "<w>-0<x16>")}


def read(path: Path) -> List[str]:
    return re.split(r"^=== .*\n", path.read_text(encoding="utf-8"), flags=re.M)[1:]


def fresh(w: World, kind: str) -> str:
    """An account as well: one that an ARN elsewhere gives away would be found in any place."""
    type_, spec = SHAPES.get(kind, (kind, ids.FORMATS.get(kind, "")))
    return value(type_, ids.spell(w.d, spec))


def word(w: World, name: str) -> str:
    return {"date": w.date, "time": w.time, "stamp": w.stamp, "word": w.word, "req": w.request_id,
            "sha": w.sha, "sha64": lambda: w.sha(64), "n": lambda: str(w.d.between(2, 900))}.get(
                name, lambda: w.fill("{" + name + "}"))()


def tell(w: World, form: str) -> str:
    same: Dict[str, str] = {}

    def place(m: "re.Match[str]") -> str:
        what = m.group(1)
        if what[0] in "=~":
            return (keep if what[0] == "=" else neutral)(what[1:])
        if ":" in what:
            return same.setdefault(what, fresh(w, what.split(":")[0]))
        return fresh(w, what) if what in ids.FORMATS or what in SHAPES else word(w, what)

    return PLACE.sub(place, form)


def carried(w: World, text: str) -> str:
    """As it is, or as a tool's answer or a file's numbered lines bring it to a model."""
    d = w.d
    if d.chance(0.7):
        return text
    if d.chance(0.5):
        return json.dumps({"type": "tool_result", "tool_use_id": "toolu_01" + d.chars(ids.CHARS["a"], 22),
                           "content": text}, ensure_ascii=False) + "\n"
    if d.chance(0.5):
        text = "\n".join(f"{n:6}\u2192{line}" for n, line in enumerate(text.split("\n"), 1))
    return '{"content":"' + escaped(text) + '"}\n'


def genre(path: Path) -> Callable[[World], str]:
    forms = read(path)

    def make(w: World) -> str:
        return carried(w, tell(w, w.form(path.stem, forms)) + "\n".join(clean.lines(w.d, 0, 2)) + "\n")

    return make


GENRES: Dict[str, Callable[[World], str]] = {f"forms: {path.stem}": genre(path) for path in sorted(FORMS.glob("*.txt"))}
