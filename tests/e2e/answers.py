# SPDX-License-Identifier: Apache-2.0
"""What the stand-in origin answers. Everything it says about identifiers it has from the request, so what
comes back to the client shows what left it.

Scenarios, as "KIND KEY=VALUE ...":
  echo       the last user text (the default); after a tool result: that result
  tool       turn 1: a tool call whose input repeats the identifiers of the last user text; turn 2 as echo
  think      a signed thinking block that names them, then echo; refuses a signature that does not fit
  error      status=N (429): the API's error of that status; its message repeats the text
  late       an error event instead of the stream's end
  repeat     tool calls as they were made, their results as texts
  say        hex=TEXT  exactly that text
  large      the last user text n=N times (5000)
  pings      echo with n=N pings (5) of pause=S seconds (0.05) between the deltas
  held       echo with pings behind the first delta until there is a file "go" in the log directory, half a minute at most
  stall      the first event, then nothing
  cut        the stream without its end, then FIN; reset: the same with RST
  location   a redirect whose Location repeats the text
  lie        what=long|short|chunk|gzip|fields|head|event|nothing  an answer that is not what it says: more or less than
             its length, a broken chunk, gzip cut short, 100,000 header fields, a header without end, an event of 20 MB,
             none at all
Everywhere: chunk=event|all|N  bytes written at once        delta=N  characters per delta (7)
            frame=chunked|length|close                      gzip=1   compressed, whatever was asked for
"""
import hashlib
import json
import os
import re
import time
import zlib

WORD_WITH_NUMBER = re.compile(r"[A-Za-z0-9_:/.@-]*\d[A-Za-z0-9_:/.@-]*[A-Za-z0-9_]|\d")
MARK = re.compile(r"\[\[([a-z]+)((?: [a-z]+=[^\] ]+)*)\]\]")
ERRORS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
          404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
          504: "timeout_error", 529: "overloaded_error"}
REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
           429: "Too Many Requests", 500: "Internal Server Error", 529: "Overloaded"}
JSON = "application/json"


class Scenario:
    def __init__(self, text):
        kind, *pairs = text.split() or ["echo"]
        self.kind = kind
        self.options = dict(pair.split("=", 1) for pair in pairs)

    def get(self, key, default):
        return type(default)(self.options.get(key, default))


def texts_of(content):
    """The texts of a message's content, in order; those of tool results as well."""
    if isinstance(content, str):
        return [content]
    found = []
    for block in content or []:
        if block.get("type") == "text":
            found.append(block["text"])
        elif block.get("type") == "tool_result":
            found += texts_of(block.get("content"))
    return found


def has_tool_result(message):
    content = message.get("content")
    return isinstance(content, list) and any(b.get("type") == "tool_result" for b in content)


def last_user(body):
    users = [m for m in body.get("messages", []) if m.get("role") == "user"]
    return users[-1] if users else {}


def scenario_of(request, text):
    if "x-scenario" in request.headers:
        return Scenario(request.headers["x-scenario"])
    mark = MARK.search(text)
    return Scenario(mark.group(1) + mark.group(2)) if mark else Scenario("echo")


def pieces_of(text, size):
    return [text[i:i + size] for i in range(0, len(text), size)] or [""]


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n".encode()


def block_events(index, block, deltas):
    yield event("content_block_start", index=index, content_block=block)
    for delta in deltas:
        yield event("content_block_delta", index=index, delta=delta)
    yield event("content_block_stop", index=index)


def message_events(blocks, stop):
    message = {"id": "msg_01stream", "type": "message", "role": "assistant", "model": "stand-in",
               "content": [], "stop_reason": None, "stop_sequence": None,
               "usage": {"input_tokens": 7, "output_tokens": 1}}
    yield event("message_start", message=message)
    yield event("ping")
    for index, (block, deltas) in enumerate(blocks):
        yield from block_events(index, block, deltas)
    yield event("message_delta", delta={"stop_reason": stop, "stop_sequence": None},
                usage={"output_tokens": 9})
    yield event("message_stop")


def text_block(text, size):
    return ({"type": "text", "text": ""},
            [{"type": "text_delta", "text": piece} for piece in pieces_of(text, size)])


def tool_block(tool, given, size, name="toolu_01AbCdEf"):
    block = {"type": "tool_use", "id": name, "name": tool, "input": {}}
    return (block, [{"type": "input_json_delta", "partial_json": ""}] +
            [{"type": "input_json_delta", "partial_json": piece}
             for piece in pieces_of(json.dumps(given, ensure_ascii=False), size)])


def signature_of(thinking):
    return hashlib.sha256(b"signed " + thinking.encode()).hexdigest()


def think_block(thinking, size):
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces_of(thinking, size)]
    deltas.append({"type": "signature_delta", "signature": signature_of(thinking)})
    return ({"type": "thinking", "thinking": "", "signature": ""}, deltas)


def tool_input(tool, words):
    if tool == "Bash":
        return {"command": "echo " + " ".join(words), "description": "Show the identifiers"}
    return {"ids": words, "nested": {"text": "a \"quoted\" \\ path/" + "\n".join(words)}}


def tool_name(body):
    names = [t.get("name") for t in body.get("tools", [])]
    return "Bash" if "Bash" in names else names[0] if names else None


def repeated(body, size):
    """What the messages say of tools: calls with their input, results as texts."""
    for message in body["messages"]:
        content = message["content"]
        for block in content if isinstance(content, list) else []:
            if block["type"] == "tool_use":
                yield tool_block(block["name"], block["input"], size, block["id"])
            elif block["type"] == "tool_result":
                yield text_block("".join(texts_of(block["content"])), size)


def blocks_for(scenario, body, text):
    """What the assistant says: blocks with their deltas, and why it stops."""
    size = scenario.get("delta", 7)
    if scenario.kind == "say":
        return [text_block(bytes.fromhex(scenario.get("hex", "")).decode(), size)], "end_turn"
    words = WORD_WITH_NUMBER.findall(MARK.sub("", text))
    if scenario.kind == "tool" and tool_name(body) and not has_tool_result(last_user(body)):
        given = tool_input(tool_name(body), words)
        return [text_block("I shall look at " + ", ".join(words), size),
                tool_block(tool_name(body), given, size)], "tool_use"
    if scenario.kind == "think":
        return [think_block("They ask about " + " and ".join(words), size),
                text_block(text, size)], "end_turn"
    if scenario.kind == "repeat":
        return list(repeated(body, size)), "end_turn"
    if scenario.kind == "large":
        return [text_block((text + " ") * scenario.get("n", 5000), max(size, 1000))], "end_turn"
    return [text_block(text, size)], "end_turn"


def whole_message(blocks, stop):
    content = []
    for block, deltas in blocks:
        joined = {}
        for delta in deltas:
            for key in ("text", "thinking", "signature", "partial_json"):
                joined[key] = joined.get(key, "") + delta.get(key, "")
        filled = {key: joined.get(key) or value for key, value in block.items()}
        if block["type"] == "tool_use":
            filled["input"] = json.loads(joined["partial_json"])
        content.append(filled)
    return {"id": "msg_01whole", "type": "message", "role": "assistant", "model": "stand-in",
            "content": content, "stop_reason": stop, "stop_sequence": None,
            "usage": {"input_tokens": 7, "output_tokens": 9}}


class Answer:
    """The way back to the client: framing, compression and the size of the writes."""

    def __init__(self, conn, request, scenario):
        self.conn, self.request, self.scenario = conn, request, scenario
        self.keep = request.headers.get("connection", "").lower() != "close" and \
            request.version == "HTTP/1.1"
        self.packer = zlib.compressobj(6, zlib.DEFLATED, 31) if scenario.get("gzip", 0) else None

    def head(self, status, headers):
        headers = {"Request-Id": f"req_{self.request.number:04}", "Server": "stand-in",
                   "anthropic-ratelimit-requests-remaining": "41", **headers}
        if self.packer:
            headers["Content-Encoding"] = "gzip"
        if not self.keep:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Something')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def pack(self, data, last):
        if not self.packer:
            return data
        return self.packer.compress(data) + self.packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    def whole(self, status, kind, body, headers=None):
        body = self.pack(body, True) if body else body
        head = self.head(status, {"Content-Type": kind, "Content-Length": len(body), **(headers or {})})
        self.conn.send(head + (b"" if self.request.method == "HEAD" else body))
        return self.keep

    def stream(self, events, end="whole"):
        """end: whole, cut, reset or stall."""
        frame, size = self.scenario.get("frame", "chunked"), self.scenario.get("chunk", "event")
        if end == "whole" and frame == "length":
            return self.whole(200, "text/event-stream; charset=utf-8", b"".join(events))
        self.keep = self.keep and frame != "close"
        chunked = {"Transfer-Encoding": "chunked"} if frame != "close" else {}
        self.conn.send(self.head(200, {"Content-Type": "text/event-stream; charset=utf-8",
                                       "Cache-Control": "no-cache", **chunked}))
        if size == "all":
            events = [b"".join(events)]
        for one in events:
            one = self.pack(one, False)
            if not one:
                continue
            for piece in pieces_of(one, len(one) if size in ("event", "all") else int(size)):
                self.conn.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        return self.finish(end, chunked)

    def finish(self, end, chunked):
        if end == "stall":
            while True:
                self.conn.fill()
        if end == "reset":
            self.conn.reset()
        if end != "whole":
            self.conn.orderly = False
            return False
        last = self.pack(b"", True)
        if last:
            self.conn.send(b"%x\r\n%s\r\n" % (len(last), last) if chunked else last)
        if chunked:
            self.conn.send(b"0\r\n\r\n")
        return self.keep


def error_body(status, message):
    return json.dumps({"type": "error", "error": {"type": ERRORS.get(status, "api_error"),
                                                  "message": message}}).encode()


def with_pings(events, scenario):
    left = scenario.get("n", 5)
    for one in events:
        yield one
        if left > 0 and b"content_block_delta" in one:
            left -= 1
            yield event("ping")
            yield b": a comment\n\n"
            time.sleep(scenario.get("pause", 0.05))


def with_hold(events, go):
    most = time.monotonic() + 30
    for one in events:
        yield one
        while b"content_block_delta" in one and not os.path.exists(go) and time.monotonic() < most:
            yield event("ping")
            time.sleep(0.05)


def forged(body):
    """A thinking block that came back other than it was signed."""
    for message in body.get("messages", []):
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            if block.get("type") == "thinking" and block["signature"] != signature_of(block["thinking"]):
                return True
    return False


def stream_for(out, scenario, events):
    begun = events[:-3]  # no content_block_stop, message_delta, message_stop
    if scenario.kind == "late":
        return out.stream(begun + [event("error", error={"type": "overloaded_error", "message": "Overloaded"})])
    if scenario.kind in ("cut", "reset"):
        return out.stream(begun, scenario.kind)
    if scenario.kind == "stall":
        return out.stream(events[:1], "stall")
    if scenario.kind == "pings":
        return out.stream(with_pings(events, scenario))
    if scenario.kind == "held":
        return out.stream(with_hold(events, f"{out.conn.log}/go"))
    return out.stream(events)


def lie(conn, what):
    """What no honest origin sends, and then the end of the connection."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    packed = zlib.compress(b'{"content":[]}' * 1000, wbits=31)
    data = {
        "long": [ok, b"Content-Length: 1000\r\n\r\n{}"],
        "short": [ok, b"Content-Length: 2\r\n\r\n{} and more"],
        "chunk": [ok, b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n"],
        "gzip": [ok, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (len(packed) - 9), packed[:-9]],
        "fields": [ok] + [b"x-%d: y\r\n" % n for n in range(100000)] + [b"Content-Length: 2\r\n\r\n{}"],
        "head": [ok, b"x: "] + [b"y" * 65536] * 64,
        "event": [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"type\":\""] + [b"z" * 65536] * 320,
        "nothing": [],
    }[what]
    for piece in data:
        conn.send(piece)
    return False


def messages(conn, request):
    try:
        body = json.loads(request.plain)
    except ValueError:
        return Answer(conn, request, Scenario("")).whole(400, JSON, error_body(400, "that is not JSON"))
    text = (texts_of(last_user(body).get("content")) or [""])[-1]
    scenario = scenario_of(request, text)
    out = Answer(conn, request, scenario)
    if scenario.kind == "error":
        status = scenario.get("status", 429)
        again = {"Retry-After": "1", "x-should-retry": "true"} if status in (429, 529) else {}
        return out.whole(status, JSON, error_body(status, f"refused: {text}"), again)
    if scenario.kind == "location":
        return out.whole(302, JSON, b"{}", {"Location": "/elsewhere/" + "".join(WORD_WITH_NUMBER.findall(text)[:1])})
    if scenario.kind == "lie":
        return lie(conn, scenario.get("what", "long"))
    if forged(body):
        return out.whole(400, JSON, error_body(400, "Invalid `signature` in `thinking` block"))
    blocks, stop = blocks_for(scenario, body, text)
    if not body.get("stream"):
        whole = json.dumps(whole_message(blocks, stop), ensure_ascii=False)
        return out.whole(200, JSON, whole.encode())
    return stream_for(out, scenario, list(message_events(blocks, stop)))


def answer(conn, request):
    """Answer one request; whether the connection may carry another."""
    path = request.target.split("?")[0]
    if path == "/v1/messages" and request.method == "POST":
        return messages(conn, request)
    out = Answer(conn, request, scenario_of(request, ""))
    if path == "/v1/messages/count_tokens":
        return out.whole(200, JSON, json.dumps({"input_tokens": len(request.plain)}).encode())
    if path.startswith("/v1/"):
        return out.whole(404, JSON, error_body(404, f"no such path: {request.target}"))
    if path == "/text":
        return out.whole(200, "text/plain", request.plain or b"as plain as it gets\n")
    if path == "/bytes":
        return out.whole(200, "application/octet-stream", request.plain or bytes(range(256)) * 64)
    return out.whole(200, JSON, b"{}")
