#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Messages for the end-to-end tests.

  message.py request [--stream] [--tools A,B] [--pad BYTES] TEXT   a request's body
  message.py next REQUEST ANSWER [TEXT]     the next turn's body: the answer's blocks, then tool results or TEXT
  message.py joined ANSWER...               the answers' content, deltas joined, one line per block
  message.py same ONE OTHER                 whether ONE.status, .head and .answer mean what OTHER's do
  message.py same_head ONE OTHER            the same without .answer
  message.py said REQUEST                   the texts of its last message
  message.py differ SENT RECEIVED VALUE...  whether RECEIVED is SENT with each VALUE a placeholder
"""
import json
import re
import sys

PLACEHOLDER = r"[A-Z][A-Z0-9_]*_[0-9]{3,}"
# The headers that mean something to a client: framing, dates and request ids are the connection's.
HEADERS = re.compile(r"(content-type|retry-after|x-should-retry|anthropic-.*|location|cache-control|server):")


def events_of(text):
    """The (type, data) pairs of an event stream; the event's name must be its data's type."""
    for block in re.split(r"\r?\n\r?\n", text):
        lines = [line for line in re.split(r"\r?\n", block) if line and not line.startswith(":")]
        fields = [line.split(": ", 1) for line in lines]
        data = "\n".join(value for name, value in fields if name == "data")
        if data:
            parsed = json.loads(data)
            names = [value for name, value in fields if name == "event"]
            if names != [parsed["type"]]:
                raise SystemExit(f"event {names} holds a {parsed['type']}")
            yield parsed


def add_delta(block, delta):
    key = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking",
           "signature_delta": "signature"}[delta["type"]]
    block[key] = block.get(key, "") + delta[key]


def joined_stream(text):
    """The message of an event stream, and the events that are no content, in order."""
    blocks, rest, is_open = [], [], None
    for event in events_of(text):
        kind = event["type"]
        if kind == "content_block_start":
            if is_open is not None or event["index"] != len(blocks):
                raise SystemExit(f"block {event['index']} starts at the wrong place")
            is_open = event["index"]
            blocks.append(dict(event["content_block"]))
        elif kind == "content_block_delta":
            if event["index"] != is_open:
                raise SystemExit(f"a delta for block {event['index']} while {is_open} is open")
            add_delta(blocks[is_open], event["delta"])
        elif kind == "content_block_stop":
            is_open = None
        elif kind != "ping":
            rest.append(event)
    for block in blocks:
        if "partial_json" in block:
            block["input"] = json.loads(block.pop("partial_json"))
    return blocks, rest


def text_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def message_of(path):
    text = text_of(path)
    if text.startswith("event:"):
        return joined_stream(text)
    try:
        parsed = json.loads(text)
    except ValueError:
        return [], [text]
    return parsed.pop("content", []), [parsed]


def content_of(path):
    blocks, rest = message_of(path)
    return [json.dumps(part, ensure_ascii=False, sort_keys=True) for part in blocks + rest]


def joined(*paths):
    for path in paths:
        print("\n".join(content_of(path)))


def headers_of(path):
    lines = text_of(path).replace("\r", "").lower().split("\n")
    return sorted(line for line in lines if HEADERS.match(line))


def same_head(one, other):
    expect("the status", text_of(one + ".status"), text_of(other + ".status"))
    expect("the headers", headers_of(one + ".head"), headers_of(other + ".head"))


def same(one, other):
    same_head(one, other)
    expect("the content", content_of(one + ".answer"), content_of(other + ".answer"))


def expect(what, wanted, got):
    if wanted != got:
        raise SystemExit(f"{what}\nwanted: {wanted}\ngot:    {got}")


def request(*argv):
    options, (text,) = {"--tools": "", "--pad": "0"}, argv[-1:]
    words = iter(argv[:-1])
    body = {"model": "claude-test", "max_tokens": 512, "messages": [{"role": "user", "content": text}]}
    for word in words:
        if word == "--stream":
            body["stream"] = True
        elif word in options:
            options[word] = next(words)
        else:
            raise SystemExit(f"{word} is no option of a request")
    if options["--tools"]:
        body["tools"] = [{"name": name, "description": f"the {name} tool", "input_schema": {
            "type": "object", "properties": {"command": {"type": "string"}}}} for name in options["--tools"].split(",")]
    if pad := int(options["--pad"]):
        line = "2031-05-04T03:02:01Z worker[17]: nothing to see in \"this\" line\tat all /path/to/some.file:88\n"
        body["system"] = [{"type": "text", "text": line * (pad // len(line) + 1)}]
    sys.stdout.write(json.dumps(body, ensure_ascii=False))


def next_turn(request_path, answer_path, text="thank you"):
    """As a client would: the assistant's blocks as they came, a result for each tool call."""
    with open(request_path, encoding="utf-8") as file:
        body = json.load(file)
    blocks, _ = message_of(answer_path)
    results = [{"type": "tool_result", "tool_use_id": block["id"],
                "content": [{"type": "text", "text": "ran: " + json.dumps(block["input"], ensure_ascii=False)}]}
               for block in blocks if block["type"] == "tool_use"]
    body["messages"] += [{"role": "assistant", "content": blocks},
                         {"role": "user", "content": results or text}]
    sys.stdout.write(json.dumps(body, ensure_ascii=False))


def said(path):
    with open(path, encoding="utf-8") as file:
        content = json.load(file)["messages"][-1]["content"]
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for block in content:
        inner = block.get("text") or block.get("content") or ""
        print(inner if isinstance(inner, str) else "\n".join(part.get("text", "") for part in inner))


def differ(sent_path, received_path, *values):
    with open(sent_path, encoding="utf-8") as file:
        sent = file.read()
    with open(received_path, encoding="utf-8") as file:
        received = file.read()
    parts = re.split("|".join(sorted(map(re.escape, values), key=len, reverse=True)), sent)
    if len(parts) < 2:
        raise SystemExit("none of the values was sent")
    at = 0
    for index, part in enumerate(parts):
        if index:
            match = re.compile(PLACEHOLDER).match(received, at)
            if not match:
                raise SystemExit(f"no placeholder at {at}: ...{received[max(0, at - 60):at + 60]}...")
            at = match.end()
        if not received.startswith(part, at):
            raise SystemExit(f"other than sent at {at}: ...{received[max(0, at - 60):at + 60]}...")
        at += len(part)
    if at != len(received):
        raise SystemExit(f"more than sent: {received[at:at + 60]}...")


if __name__ == "__main__":
    COMMANDS = {"request": request, "next": next_turn, "joined": joined, "same": same, "same_head": same_head,
                "said": said, "differ": differ}
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        raise SystemExit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
