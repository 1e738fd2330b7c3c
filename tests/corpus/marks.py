# SPDX-License-Identifier: Apache-2.0
"""Marked text: documents are written with their labels inside, and the labels are taken out at the end.

A mark survives JSON escaping, percent-encoding and colouring, so a label knows where its value stands
whatever was done to the text around it. What is marked:

  value    must not leave the host; carries the name of a type of the catalogue
  keep     must leave it unchanged
  neutral  may do either
"""
import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List
from urllib.parse import quote

import boundaries

OPEN, SEP, CLOSE = "\ue000", "\ue001", "\ue002"
KEEP, NEUTRAL = "=", "~"
MARK = re.compile(f"{OPEN}([^{SEP}]*){SEP}([^{CLOSE}]*){CLOSE}")


@dataclass
class Label:
    type: str
    value: str
    start: int
    end: int
    boundary: str


@dataclass
class Document:
    id: str
    genre: str
    text: str
    labels: List[Label] = field(default_factory=list)
    keeps: List[str] = field(default_factory=list)
    neutral: List[List[int]] = field(default_factory=list)

    def to_json(self) -> Dict[str, Any]:
        return {"id": self.id, "genre": self.genre, "text": self.text,
                "labels": [vars(label) for label in self.labels],
                "keep": self.keeps, "neutral": self.neutral}


def value(kind: str, text: str) -> str:
    return f"{OPEN}{kind}{SEP}{text}{CLOSE}"


def keep(text: str) -> str:
    return value(KEEP, text)


def neutral(text: str) -> str:
    return value(NEUTRAL, text)


def plain(marked: str) -> str:
    """The text without its marks."""
    return MARK.sub(lambda m: m.group(2), marked)


def width(marked: str) -> int:
    return len(plain(marked))


def pad(marked: str, columns: int) -> str:
    return marked + " " * max(0, columns - width(marked))


def escaped(marked: str) -> str:
    """As the inside of a JSON string."""
    return json.dumps(marked, ensure_ascii=False)[1:-1]


def percent(marked: str) -> str:
    """Percent-encoded, as in a query."""
    out, last = [], 0
    for m in MARK.finditer(marked):
        out += [quote(marked[last:m.start()], safe=""), value(m.group(1), quote(m.group(2), safe=""))]
        last = m.end()
    return "".join(out + [quote(marked[last:], safe="")])


def repeat_labels(text: str, labels: List[Label]) -> List[Label]:
    """A value counts wherever it stands: occurrences that were written without a mark are labelled too."""
    taken = {(label.start, label.end) for label in labels}
    for type_, word in sorted({(label.type, label.value) for label in labels}):
        if len(word) < 6:
            continue
        for m in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text):
            if not any(a < m.end() and m.start() < b for a, b in taken):
                taken.add(m.span())
                labels.append(Label(type_, word, *m.span(), boundaries.classify(text, *m.span())))
    return sorted(labels, key=lambda label: label.start)


def document(name: str, genre: str, marked: str) -> Document:
    """Take the marks out."""
    spans, pieces, at, last = [], [], 0, 0
    for m in MARK.finditer(marked):
        before = marked[last:m.start()]
        pieces += [before, m.group(2)]
        at += len(before)
        spans.append((m.group(1), at, at + len(m.group(2))))
        at += len(m.group(2))
        last = m.end()
    text = "".join(pieces) + marked[last:]
    labels = [Label(kind, text[a:b], a, b, boundaries.classify(text, a, b))
              for kind, a, b in spans if kind not in (KEEP, NEUTRAL)]
    return Document(name, genre, text, repeat_labels(text, labels),
                    sorted({text[a:b] for kind, a, b in spans if kind == KEEP}),
                    [[a, b] for kind, a, b in spans if kind == NEUTRAL])
