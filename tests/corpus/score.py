#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Score a masking tool on the corpus: what leaks, what is masked that should stay, what does not come back.

  score.py --mask 'awsmaskctl mask --vault {vault}' --unmask 'awsmaskctl unmask --vault {vault}'
           [--seed SEED]... [--brief] [--misses FILE]
  score.py --outcomes FILE --seed SEED      masked elsewhere: JSON lines {"id", "masked", "exact"}

A value leaks when it stands in the output of its document: as it was, percent-decoded, or with JSON's escapes
undone. A tool that fails on a document has leaked all of it. The exit status is 1 if a limit is not kept.
"""
import argparse
import collections
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Counter, Dict, Iterable, List, Optional, Tuple
from urllib.parse import unquote

import boundaries
import corpus
from catalogue import classes
from marks import Document

JOBS = 2
TIMEOUT = 60
# At least so many percent; the last two at most.
LIMITS = {"overall": 99.0, "secret": 100.0, "id": 99.5, "network": 99.5, "name": 97.0, "each boundary": 99.0,
          "json escapes": 100.0, "mean over types": 97.0, "documents without leak": 93.0, "round trip": 100.0,
          "must-keep altered": 0.3, "collateral per 1,000 tokens": 0.5}
AT_MOST = ("must-keep altered", "collateral per 1,000 tokens")
TOKEN = re.compile(r"[^\s\"'`,;()\[\]{}<>|\\=]+")
GLUE = re.compile(r"[^\s\"'`<>()\[\]{},;|\\]")
Span = Tuple[int, int]


@dataclass
class Outcome:
    """What a tool made of a document; None: it failed."""
    masked: Optional[str]
    exact: bool
    error: str = ""


@dataclass
class Share:
    good: int = 0
    all: int = 0

    def count(self, good: bool) -> None:
        self.good += good
        self.all += 1

    def percent(self) -> float:
        return 100.0 * self.good / self.all if self.all else 100.0


@dataclass
class Miss:
    document: str
    genre: str
    type: str
    boundary: str
    context: str


@dataclass
class Score:
    total: Share = field(default_factory=Share)
    by_class: Dict[str, Share] = field(default_factory=lambda: collections.defaultdict(Share))
    by_type: Dict[str, Share] = field(default_factory=lambda: collections.defaultdict(Share))
    by_boundary: Dict[str, Share] = field(default_factory=lambda: collections.defaultdict(Share))
    by_genre: Dict[str, Share] = field(default_factory=lambda: collections.defaultdict(Share))
    documents: Share = field(default_factory=Share)
    keeps: Share = field(default_factory=Share)
    tokens: Share = field(default_factory=Share)
    round_trip: Share = field(default_factory=Share)
    errors: List[str] = field(default_factory=list)
    misses: List[Miss] = field(default_factory=list)
    altered: List[Tuple[str, str, str]] = field(default_factory=list)  # document, genre, string
    lost: Counter[Tuple[str, str]] = field(default_factory=collections.Counter)  # genre, token


# --- one document ---------------------------------------------------------------------------------

def unescaped(text: str) -> str:
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), text)
    return text.replace("\\/", "/")


def readings(text: str) -> List[str]:
    """The ways in which somebody could read it."""
    return list(dict.fromkeys([text, unescaped(text), unquote(text, errors="replace")]))


def whole(value: str, class_: str) -> str:
    """An expression for the value; where it could be part of something else by chance, as a whole word."""
    if re.fullmatch(r"[0-9.]+", value):
        return rf"(?<![0-9.]){re.escape(value)}(?!\.?[0-9])"
    if class_ == "name" or len(value) <= 8:
        return rf"(?<![A-Za-z0-9_-]){re.escape(value)}(?![A-Za-z0-9_-])"
    return re.escape(value)


def leaks(value: str, class_: str, text: str, outputs: List[str]) -> bool:
    for one in readings(value):
        expression = whole(one, class_)
        if not re.search(expression, text):
            expression = re.escape(one)
        if any(one in out and re.search(expression, out) for out in outputs):
            return True
    return False


def glued(text: str, spans: Iterable[Span]) -> List[Span]:
    """The spans with what is stuck to them: a tool may mask a whole host name or ARN."""
    out = []
    for start, end in spans:
        while start and GLUE.match(text[start - 1]):
            start -= 1
        while end < len(text) and GLUE.match(text[end]):
            end += 1
        out.append((start, end))
    return out


def touches(span: Span, others: List[Span]) -> bool:
    return any(a < span[1] and span[0] < b for a, b in others)


def free_count(text: str, word: str, taken: List[Span]) -> int:
    return sum(not touches(m.span(), taken) for m in re.finditer(re.escape(word), text))


def count_values(score: Score, doc: Document, out: Optional[str], class_of: Dict[str, str]) -> None:
    places: Dict[Tuple[str, str], Dict[str, Span]] = {}
    for label in doc.labels:
        places.setdefault((label.type, label.value), {}).setdefault(label.boundary, (label.start, label.end))
    outputs = readings(out) if out is not None else []
    leaked = False
    for (type_, value), where in places.items():
        class_ = class_of[type_]
        good = out is not None and not leaks(value, class_, doc.text, outputs)
        for share in (score.total, score.by_class[class_], score.by_type[type_], score.by_genre[doc.genre],
                      *(score.by_boundary[boundary] for boundary in where)):
            share.count(good)
        if not good:
            leaked = True
            boundary, (start, end) = next(iter(where.items()))
            score.misses.append(Miss(doc.id, doc.genre, type_, boundary, doc.text[max(0, start - 40):end + 24]))
    if places:
        score.documents.count(not leaked)


def count_rest(score: Score, doc: Document, out: Optional[str]) -> None:
    labels = [(label.start, label.end) for label in doc.labels]
    around = glued(doc.text, labels)
    for word in doc.keeps:
        wanted = free_count(doc.text, word, around)
        if wanted:
            good = out is not None and out.count(word) >= wanted
            score.keeps.count(good)
            if not good:
                score.altered.append((doc.id, doc.genre, word))
    taken = labels + [(a, b) for a, b in doc.neutral]
    need = collections.Counter(m.group() for m in TOKEN.finditer(doc.text) if not touches(m.span(), taken))
    missing = need - collections.Counter(TOKEN.findall(out or ""))
    score.tokens.all += sum(need.values())
    score.tokens.good += sum(need.values()) - sum(missing.values())
    for token, n in missing.items():
        score.lost[doc.genre, token] += n


def judge(documents: List[Document], outcomes: Dict[str, Outcome], class_of: Dict[str, str]) -> Score:
    score = Score()
    for doc in documents:
        outcome = outcomes.get(doc.id, Outcome(None, False, "nothing came of it"))
        if outcome.error:
            score.errors.append(f"document {doc.id}: {outcome.error}")
        count_values(score, doc, outcome.masked, class_of)
        count_rest(score, doc, outcome.masked)
        score.round_trip.count(outcome.exact)
    return score


# --- limits and tables ----------------------------------------------------------------------------

def measures(score: Score) -> List[Tuple[str, str, float]]:
    """(limit, of what, measured) for all there is a limit for."""
    escapes = Share()
    for name, share in score.by_boundary.items():
        if name.startswith("json escape"):
            escapes.good, escapes.all = escapes.good + share.good, escapes.all + share.all
    types = [share.percent() for share in score.by_type.values()]
    return [
        ("overall", "overall", score.total.percent()),
        *((name, name, score.by_class[name].percent()) for name in ("secret", "id", "network", "name")),
        *(("each boundary", name, share.percent()) for name, share in sorted(score.by_boundary.items())),
        ("json escapes", "json escapes", escapes.percent()),
        ("mean over types", "mean over types", sum(types) / max(1, len(types))),
        ("documents without leak", "documents without leak", score.documents.percent()),
        ("round trip", "round trip", score.round_trip.percent()),
        ("must-keep altered", "must-keep altered", 100 - score.keeps.percent()),
        ("collateral per 1,000 tokens", "collateral per 1,000 tokens", 10 * (100 - score.tokens.percent()))]


def failures(score: Score) -> List[str]:
    out = [] if score.total.all else ["not a single value was labelled"]
    for limit, what, measured in measures(score):
        wanted = LIMITS[limit]
        if limit in AT_MOST and measured > wanted + 1e-9:
            out.append(f"{what}: {measured:.3f}, more than {wanted}")
        elif limit not in AT_MOST and measured < wanted - 1e-9:
            out.append(f"{what}: {measured:.3f} %, less than {wanted}")
    return out


def row(name: str, share: Share) -> str:
    return f"  {name:24} {share.percent():7.2f} %  {share.all - share.good:5} of {share.all:6} leaked"


def table(title: str, shares: Dict[str, Share], order: Optional[List[str]] = None) -> List[str]:
    names = [name for name in order if name in shares] if order else \
        sorted(shares, key=lambda name: (shares[name].percent(), name))
    return [title] + [row(name, shares[name]) for name in names]


def brief(title: str, shares: Dict[str, Share]) -> str:
    """One line: the worst, and how many are whole."""
    worst = sorted((share.percent(), name) for name, share in shares.items() if share.good < share.all)
    text = ", ".join(f"{name} {percent:.1f}" for percent, name in worst[:6])
    return f"{title}: {len(shares) - len(worst)} of {len(shares)} at 100 %" + (f"; {text}" if worst else "")


def head(score: Score) -> List[str]:
    lines = [f"{score.round_trip.all} documents, {score.total.all} values"]
    if score.errors:
        lines.append(f"  {len(score.errors)} documents failed, the first of them: {score.errors[0]}")
    for limit, what, measured in measures(score):
        if limit != "each boundary":
            unit = "" if limit == "collateral per 1,000 tokens" else " %"
            lines.append(f"  {what:28} {measured:8.3f}{unit:2} "
                         f"({'at most' if limit in AT_MOST else 'at least'} {LIMITS[limit]})")
    return lines


def report(score: Score, short: bool) -> str:
    lines = head(score)
    if short:
        lines += [brief("boundaries", score.by_boundary), brief("genres", score.by_genre),
                  brief("types", score.by_type)]
    else:
        lines += table("boundary", score.by_boundary, [name for name, _, _ in boundaries.CLASSES] + ["letter"])
        lines += table("genre", score.by_genre) + table("type", score.by_type)
        lines += examples(score)
    return "\n".join(lines + [f"LIMIT  {one}" for one in failures(score)])


def examples(score: Score) -> List[str]:
    """One of each that went wrong; all identifiers are made up."""
    seen = collections.Counter(miss.type for miss in score.misses)
    first = {miss.type: miss for miss in reversed(score.misses)}
    lines = ["leaked"] + [f"  {type_} ({n}): {first[type_].genre} {first[type_].document}, "
                          f"{first[type_].boundary}: "
                          f"{first[type_].context!r}" for type_, n in seen.most_common()]
    lines += ["altered"] + [f"  {genre} {doc}: {word!r}" for doc, genre, word in score.altered[:40]]
    return lines + ["lost"] + [f"  {genre}: {token!r} ({n})" for (genre, token),
                               n in score.lost.most_common(40)]


# --- tools ----------------------------------------------------------------------------------------

def run(command: str, vault: str, data: bytes) -> bytes:
    done = subprocess.run([word.replace("{vault}", vault) for word in command.split()], input=data,
                          timeout=TIMEOUT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}")
    return done.stdout


def outcome_of(doc: Document, mask: Callable[[bytes], bytes], unmask: Callable[[bytes], bytes]) -> Outcome:
    """Both directions of a tool that may fail."""
    data = doc.text.encode()
    try:
        masked = mask(data)
        return Outcome(masked.decode(errors="replace"), unmask(masked) == data)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Outcome(None, False, str(error))


def run_tool(documents: List[Document], mask: str, unmask: str) -> Dict[str, Outcome]:
    """The tool's commands on each document, with a vault of its own for each."""
    with tempfile.TemporaryDirectory(prefix="score-") as place, ThreadPoolExecutor(JOBS) as pool:
        def one(doc: Document) -> Tuple[str, Outcome]:
            vault = str(Path(place) / doc.id)
            return doc.id, outcome_of(doc, lambda data: run(mask, vault, data),
                                      lambda data: run(unmask, vault, data))
        return dict(pool.map(one, documents))


def read_outcomes(path: str) -> Dict[str, Outcome]:
    with open(path, encoding="utf-8", newline="\n") as lines:
        return {one["id"]: Outcome(one["masked"], one["exact"]) for one in map(json.loads, lines)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mask", help="a command: text in, masked text out; {vault} is a file of its own")
    parser.add_argument("--unmask", help="the way back")
    parser.add_argument("--outcomes", help="a file with what came of it elsewhere")
    parser.add_argument("--seed", action="append", help="of the corpus (1); may be repeated")
    parser.add_argument("--documents", type=int, default=corpus.DOCUMENTS)
    parser.add_argument("--brief", action="store_true", help="a line for each table")
    parser.add_argument("--misses", help="write what went wrong to this file")
    args = parser.parse_args()
    if not args.outcomes and not (args.mask and args.unmask):
        parser.error("--mask and --unmask, or --outcomes")
    wrong, misses = False, []
    for seed in args.seed or ["1"]:
        documents = corpus.build(seed, args.documents)
        if args.outcomes:
            outcomes = read_outcomes(args.outcomes)
        else:
            outcomes = run_tool(documents, args.mask, args.unmask)
        score = judge(documents, outcomes, classes())
        print(f"seed {seed}: {report(score, args.brief)}")
        misses += [f"seed {seed}", *examples(score)]
        wrong = wrong or bool(failures(score))
    if args.misses:
        Path(args.misses).write_text("\n".join(misses) + "\n", encoding="utf-8")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
