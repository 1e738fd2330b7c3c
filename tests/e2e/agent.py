#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The corpus (tests/corpus) as a coding agent sends it: in tool calls and their results, JSON within JSON.

  agent.py send HOST DIR [SEED]      ask HOST, whose answer repeats what it was told; DIR/exact.json says which
                                     documents came back as they were sent
  agent.py received LOG DIR [SEED]   DIR/outcomes from what the origin wrote to LOG, for score.py --outcomes
"""
import gzip
import http.client
import json
import ssl
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "corpus"))

import corpus  # noqa: E402 (found by the line above)
from marks import Document  # noqa: E402
from message import joined_stream  # noqa: E402

PER_REQUEST = 15
PER_CONNECTION = 8
Body = Dict[str, Any]

# --- how a document is put into a request, and got out again --------------------------------------


def wrapped(text: str, levels: int) -> str:
    """JSON in the text of JSON, so many levels of it around."""
    for _ in range(levels):
        text = json.dumps({"exit_code": 0, "stdout": text}, ensure_ascii=False)
    return text


def unwrapped(text: str, levels: int) -> str:
    for _ in range(levels):
        text = json.loads(text)["stdout"]
    return text


def use(doc: Document, levels: int) -> Body:
    return {"type": "tool_use", "id": f"toolu_{doc.id}", "name": "Write",
            "input": {"file_path": "/srv/notes", "content": wrapped(doc.text, levels)}}


def result(doc: Document, levels: int, parts: bool) -> Body:
    text = wrapped(doc.text, levels)
    return {"type": "tool_result", "tool_use_id": f"toolu_{doc.id}",
            "content": [{"type": "text", "text": text}] if parts else text}


# Where a document goes, by its turn: a block, and the levels of JSON in its string.
PLACES = [(lambda doc: result(doc, 0, False), 0), (lambda doc: result(doc, 1, True), 1),
          (lambda doc: result(doc, 2, False), 2), (lambda doc: use(doc, 0), 0), (lambda doc: use(doc, 1), 1),
          (lambda doc: use(doc, 2), 2)]


def place_of(n: int) -> int:
    return (n + n // len(corpus.GENRES)) % len(PLACES)  # so that a genre comes to all of them


def groups(documents: List[Document]) -> Iterator[List[Tuple[Document, int]]]:
    placed = [(doc, place_of(n)) for n, doc in enumerate(documents)]
    for at in range(0, len(placed), PER_REQUEST):
        yield placed[at:at + PER_REQUEST]


def request(group: List[Tuple[Document, int]], stream: bool) -> Body:
    blocks = [PLACES[place][0](doc) for doc, place in group]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    results = [block for block in blocks if block["type"] == "tool_result"]
    return {"model": "claude-test", "max_tokens": 1024, "stream": stream,
            "messages": [{"role": "user", "content": "go on"}, {"role": "assistant", "content": calls},
                         {"role": "user", "content": results}]}


def text_of(block: Body) -> str:
    if block["type"] == "tool_use":
        return block["input"]["content"]
    content = block["content"]
    return content if isinstance(content, str) else content[0]["text"]


def texts_by_document(body: Body) -> Dict[str, str]:
    """The texts of a request's blocks, by the document that they are of."""
    return {(block.get("id") or block["tool_use_id"])[len("toolu_"):]: text_of(block)
            for message in body["messages"][1:] for block in message["content"]}


# --- the client -----------------------------------------------------------------------------------

def blocks_of(answer: bytes, stream: bool) -> List[Body]:
    return joined_stream(answer.decode())[0] if stream else json.loads(answer)["content"]


def came_back(body: Body, answered: List[Body]) -> Dict[str, bool]:
    """The origin repeats calls with their input, and results as texts, in order."""
    sent = [block for message in body["messages"][1:] for block in message["content"]]
    answered = answered + [{}] * (len(sent) - len(answered))
    return {(one.get("id") or one["tool_use_id"])[len("toolu_"):]:
            text_of(one) == again.get("text", again.get("input", {}).get("content"))
            for one, again in zip(sent, answered)}


def ask(connection: http.client.HTTPSConnection, n: int, body: Body) -> Dict[str, bool]:
    data = json.dumps(body, ensure_ascii=n % 2 == 0).encode()
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "none",
               "x-corpus": str(n), "x-scenario": f"repeat delta={(11, 97)[n % 2]} gzip={int(n % 5 == 0)}"}
    if n % 3 == 0:
        data = gzip.compress(data)
        headers["content-encoding"] = "gzip"
    connection.request("POST", "/v1/messages", data, headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise SystemExit(f"request {n}: status {answer.status}: {said[:300]!r}")
    if answer.headers.get("content-encoding") == "gzip":
        said = gzip.decompress(said)
    return came_back(body, blocks_of(said, body["stream"]))


def send(host: str, place: str, seed: str = "1") -> None:
    exact: Dict[str, bool] = {}
    connection = http.client.HTTPSConnection(host, timeout=30, context=ssl.create_default_context())
    for n, group in enumerate(groups(corpus.build(seed))):
        if n % PER_CONNECTION == 0:
            connection.close()
        exact.update(ask(connection, n, request(group, n % 4 < 2)))
    Path(place, "exact.json").write_text(json.dumps(exact), encoding="utf-8")
    print(f"{sum(exact.values())} of {len(exact)} documents came back as they were sent")


# --- what the origin received ---------------------------------------------------------------------

def received(log: str, place: str, seed: str = "1") -> None:
    exact = json.loads(Path(place, "exact.json").read_text(encoding="utf-8"))
    levels = {doc.id: PLACES[place_of(n)][1] for n, doc in enumerate(corpus.build(seed))}
    with open(Path(place, "outcomes"), "w", encoding="utf-8") as out:
        for head in sorted(Path(log).glob("*.head")):
            if b"\r\nx-corpus: " in head.read_bytes():
                body = json.loads(head.with_suffix(".plain").read_bytes())
                for name, text in texts_by_document(body).items():
                    out.write(json.dumps({"id": name, "masked": unwrapped(text, levels[name]),
                                          "exact": exact[name]}) + "\n")


if __name__ == "__main__":
    {"send": send, "received": received}[sys.argv[1]](*sys.argv[2:])
