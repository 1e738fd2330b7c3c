#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the corpus and of its scorer."""
import collections
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Callable, Dict, List
from urllib.parse import quote

import boundaries
import catalogue
import corpus
import score
from marks import Document, Label

HERE = Path(__file__).resolve().parent


class Corpus(unittest.TestCase):
    documents: List[Document] = corpus.build()

    def test_every_type_is_in_it(self) -> None:
        values, genres = collections.defaultdict(set), collections.defaultdict(set)
        for doc in self.documents:
            for label in doc.labels:
                values[label.type].add(label.value)
                genres[label.type].add(doc.genre)
        scarce = {name: (len(values[name]), len(genres[name])) for name in catalogue.classes()
                  if len(values[name]) < 5 or len(genres[name]) < 3}
        self.assertEqual(scarce, {}, "types with less than 5 values or 3 genres; ids.py makes values, facts.py "
                                     "says "
                                     "where they stand")

    def test_every_label_is_a_type(self) -> None:
        labelled = {label.type for doc in self.documents for label in doc.labels}
        self.assertLessEqual(labelled, set(catalogue.classes()),
                             "labels that are no type of the catalogue (any more)")

    def test_size(self) -> None:
        self.assertGreaterEqual(len(self.documents), 600)
        self.assertGreater(sum(1 for doc in self.documents if not doc.labels), 10)
        self.assertGreater(sum(len(doc.keeps) for doc in self.documents), 1000)

    def test_labels_are_where_they_say(self) -> None:
        for doc in self.documents:
            self.assertNotRegex(doc.text, "[\ue000-\ue002]")
            for label in doc.labels:
                self.assertEqual(doc.text[label.start:label.end], label.value)

    def test_every_boundary_occurs(self) -> None:
        found = collections.Counter(label.boundary for doc in self.documents for label in doc.labels)
        for name, _, _ in boundaries.CLASSES:
            self.assertGreaterEqual(found[name], 10, name)

    def test_a_seed_gives_the_same_documents(self) -> None:
        program = "import corpus, hashlib; print(hashlib.sha256(repr(corpus.build('7', 90)).encode()).hexdigest())"
        wanted = hashlib.sha256(repr(corpus.build("7", 90)).encode()).hexdigest()
        for salt in ("1", "2"):
            said = subprocess.run([sys.executable, "-B", "-c", program], cwd=HERE, stdout=subprocess.PIPE,
                                  check=True,
                                  env={**os.environ, "PYTHONHASHSEED": salt})
            self.assertEqual(said.stdout.decode().strip(), wanted)

    def test_another_seed_gives_others(self) -> None:
        other = corpus.build("2")
        self.assertFalse({doc.text for doc in self.documents} & {doc.text for doc in other})
        values = [{label.value for doc in docs for label in doc.labels} for docs in (self.documents, other)]
        self.assertLess(len(values[0] & values[1]), len(values[0]) / 100)


class Boundaries(unittest.TestCase):
    def test_classes(self) -> None:
        for name, text in [("json escape, 1 deep", "\"a\\n@"), ("json escape, 1 deep", "a\\u003c@"),
                           ("json escape, 2 deep", "a\\\\n@"), ("json escape, 2 deep", "a\\\\\\\"@\\\\\\\""),
                           ("json escape, 3 deep", "a\\\\\\\\t@"), ("ansi colour", "\x1b[1;31m@\x1b[0m"),
                           ("ansi colour", "\\u001b[32m@"), ("percent-encoded", "s3%3A%2F%2F@"),
                           ("percent-encoded", "%253A%252F@"), ("line start", "@"),
                           ("line start", "a\n  @"), ("diff sign", "a\n-@"), ("underscore", "a_@"),
                           ("slash", "a/@"),
                           ("markdown", "`@`"), ("quote", "\"@\""), ("equal sign", "a=@"), ("colon", "a:@"),
                           ("bracket", "(@)"), ("comma", "a,@"), ("at, dash, dot", "a@@"),
                           ("other script", "は@"),
                           ("sentence end", "is @."), ("space", "is @ that"), ("letter", "is@")]:
            at = text.rindex("@")
            self.assertEqual(boundaries.classify(text.replace("@", "i-0a"), at,
                                                 at + 4) if text.count("@") == 1 else
                             boundaries.classify(text[:at] + "i-0a" + text[at + 1:], at, at + 4), name, text)


class Tool:
    """A tool that knows the labels; tests spoil it."""

    def __init__(self, doc: Document):
        names: Dict[str, str] = {}
        pieces, last = [], 0
        for label in doc.labels:
            names.setdefault(label.value, f"MASKED_{len(names) + 1:03}")
            pieces += [doc.text[last:label.start], names[label.value]]
            last = label.end
        self._masked = "".join(pieces + [doc.text[last:]]).encode()
        self._text = doc.text.encode()

    def mask(self, _: bytes) -> bytes:
        return self._masked

    def unmask(self, masked: bytes) -> bytes:
        return self._text if masked == self._masked else b""


def judged(mask: Callable, unmask: Callable, documents: List[Document] = Corpus.documents[::3]) -> score.Score:
    outcomes = {}
    for doc in documents:
        tool = Tool(doc)
        outcomes[doc.id] = score.outcome_of(doc, lambda data, t=tool: mask(t, data), lambda data,
                                            t=tool: unmask(t, data))
    return score.judge(documents, outcomes, catalogue.classes())


def fail(*_: object) -> bytes:
    raise OSError("no")


class Scorer(unittest.TestCase):
    def told(self, result: score.Score, *measures: str) -> None:
        """Exactly these limits are not kept; "" stands for all others as well."""
        told = {line.split(":")[0] for line in score.failures(result)}
        self.assertLessEqual(set(measures) - {""}, told)
        if "" not in measures:
            self.assertEqual(told, set(measures))

    def test_a_perfect_tool(self) -> None:
        self.told(judged(Tool.mask, Tool.unmask))

    def test_a_tool_that_masks_nothing(self) -> None:
        result = judged(lambda _, data: data, lambda _, data: data)
        self.told(result, "overall", "secret", "id", "network", "name", "json escapes", "mean over types",
                  "documents without leak", "")
        self.assertEqual(result.total.good, 0)
        self.assertEqual(result.round_trip.percent(), 100)
        self.assertEqual(result.keeps.percent(), 100)

    def test_a_tool_that_masks_everything(self) -> None:
        result = judged(lambda _, data: re.sub(rb"\w+", b"X_001", data), lambda tool,
                        _: tool.unmask(tool.mask(b"")))
        self.told(result, "must-keep altered", "collateral per 1,000 tokens")

    def test_a_tool_that_drops_a_byte_on_the_way_back(self) -> None:
        self.told(judged(Tool.mask, lambda tool, data: tool.unmask(data)[:-1]), "round trip")

    def test_a_tool_that_fails_once(self) -> None:
        documents = Corpus.documents[:40]
        outcomes = {doc.id: score.outcome_of(doc, Tool(doc).mask, Tool(doc).unmask) for doc in documents}
        del outcomes[documents[0].id]
        self.told(score.judge(documents, outcomes, catalogue.classes()), "round trip", "")

    def test_a_tool_that_fails_always(self) -> None:
        result = judged(fail, fail)
        self.told(result, "secret", "round trip", "must-keep altered", "collateral per 1,000 tokens", "")
        self.assertEqual(result.total.good, 0)
        self.assertIn(f"{len(Corpus.documents[::3])} documents failed, the first of them: document 0000: no",
                      score.report(result, True))

    def test_no_documents_are_no_success(self) -> None:
        self.assertTrue(score.failures(score.judge([], {}, {})))

    def one(self, kind: str, value: str, out: str) -> bool:
        text = f"see {value} there"
        doc = Document("1", "test", text, [Label(kind, value, 4, 4 + len(value), "space")])
        return bool(score.judge([doc], {"1": score.Outcome(out, True)}, catalogue.classes()).misses)

    def test_leaks_in_disguise(self) -> None:
        key = "Ab0/Cd1+Ef2/Gh3Ij4Kl5Mn6Op7Qr8St9Uv0Wx1Y"
        self.assertTrue(self.one("SECRET_ACCESS_KEY", key, f"x {key} y"))
        self.assertTrue(self.one("SECRET_ACCESS_KEY", key, f"x {quote(key, safe='')} y"))
        self.assertTrue(self.one("SECRET_ACCESS_KEY", key, "x " + key.replace("/", "\\/") + " y"))
        self.assertTrue(self.one("EC2_INSTANCE", "i-0f3a91c27be54d860", "node_i-0f3a91c27be54d860_x"))
        self.assertTrue(self.one("S3_BUCKET", "heron-ledger", "x/heron-ledger/y"))

    def test_what_is_no_leak(self) -> None:
        self.assertFalse(self.one("S3_BUCKET", "heron-ledger", "heron-ledger-2"))
        self.assertFalse(self.one("PRIVATE_IPV4", "10.1.2.3", "10.1.2.34"))
        self.assertFalse(self.one("AWS_ACCOUNT", "734019286651", "1734019286651"))

    def test_the_tables(self) -> None:
        result = judged(lambda _, data: data, lambda _, data: data, Corpus.documents[:90])
        for short in (True, False):
            text = score.report(result, short)
            self.assertIn("LIMIT", text)
            self.assertIn("boundar", text)

    def test_outcomes_from_a_file(self) -> None:
        line = json.dumps({"id": "0001", "masked": "a\u2028b", "exact": True}, ensure_ascii=False)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            self.assertEqual(score.read_outcomes(file.name), {"0001": score.Outcome("a\u2028b", True)})


if __name__ == "__main__":
    unittest.main()
