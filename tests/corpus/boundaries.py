# SPDX-License-Identifier: Apache-2.0
"""How an identifier meets its surroundings: the classes by which recall is counted, and ways to get there."""
import re

# The first that fits names the class. What stands before the value, and what behind it.
CLASSES = [
    ("json escape, 1 deep", r"(?:^|[^\\])\\(?:[nrtbf\"]|u[0-9a-fA-F]{4})$", ""),
    ("json escape, 2 deep", r"(?:^|[^\\])\\{2,3}(?:[nrtbf\"]|u[0-9a-fA-F]{4})$", ""),
    ("json escape, 3 deep", r"\\{4}(?:[nrtbf\"]|u[0-9a-fA-F]{4})$", ""),
    ("ansi colour", r"(?:\x1b|\\u001b|\\x1b|\\033)\[[0-9;]*m$", ""),
    ("percent-encoded", r"%(?:25){0,3}[0-9A-Fa-f]{2}$", ""),
    ("line start", r"(?:^|\n)[ \t]*$", ""),
    ("diff sign", r"(?:^|\n)[+-]$", ""),
    ("underscore", r"_$", ""),
    ("slash", r"/$", ""),
    ("markdown", r"[`*|~]$", ""),
    ("quote", r"[\"']$", ""),
    ("equal sign", r"=$", ""),
    ("colon", r":$", ""),
    ("bracket", r"[(\[{<>]$", ""),
    ("comma", r"[,;]$", ""),
    ("at, dash, dot", r"[@.-]$", ""),
    ("other script", r"[^\x00-\x7f]$", ""),
    ("sentence end", r"\s$", r"^[.!?,](?:\s|$)"),
    ("space", r"\s$", ""),
]
COMPILED = [(name, re.compile(left), re.compile(right)) for name, left, right in CLASSES]


def classify(text: str, start: int, end: int) -> str:
    left, right = text[max(0, start - 16):start], text[end:end + 4]
    if start > 16:
        left = "." + left  # a "^" is the text's beginning, not the window's
    for name, before, behind in COMPILED:
        if before.search(left) and behind.search(right):
            return name
    return "letter"
