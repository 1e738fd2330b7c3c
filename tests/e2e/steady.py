#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""So many streams at a time, one after the other, for as long as a file is there.

    steady.py HOST PORT AT-ONCE FILE [PINGS [keep]]

FILE is made once each of them has had its first answer. Every connection is a new one; with "keep" each client has
one that it keeps, pauses between its requests, and dials anew when it was let go before it asks, as agents' clients
do. Prints how many streams were answered in full, and each one that was refused, cut, or not given back its value."""
import http.client
import json
import os
import random
import select
import ssl
import sys
import threading
import time

host, port, at_once, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
pings = int(sys.argv[5]) if len(sys.argv) > 5 else 10
keeps = sys.argv[6:] == ["keep"]
PAUSES = (0, 0, 0.1, 0.7, 2.1, 3)  # a worker lets go who has been silent for two seconds
context = ssl.create_default_context() if port == 443 else None
lock = threading.Lock()
answered, failed = 0, []
begun = threading.Barrier(at_once + 1)


def said(events):
    """The text of an event stream's deltas, and whether it came to its end."""
    text, ended = "", False
    for line in events.decode().splitlines():
        if line.startswith("data: "):
            data = json.loads(line[6:])
            text += data.get("delta", {}).get("text", "")
            ended = ended or data.get("type") == "message_stop"
    return text, ended


def client():
    if context:
        return http.client.HTTPSConnection(host, port, timeout=30, context=context)
    return http.client.HTTPConnection(host, port, timeout=30)


def stream(conn, value):
    if conn.sock and select.select([conn.sock], [], [], 0)[0]:
        conn.close()  # the next request dials
    try:
        conn.request("POST", "/v1/messages", headers={
            "content-type": "application/json", "x-scenario": f"pings n={pings} pause=0.1",
            **({} if keeps else {"connection": "close"})},
            body=json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": f"sees {value}"}]}))
        answer = conn.getresponse()
        text, ended = said(answer.read())
    except Exception:
        conn.close()
        raise
    if answer.status != 200 or not ended or value not in text:
        raise ValueError(f"status {answer.status}, {'whole' if ended else 'cut'}: {text[:100]!r}")


def keep(number):
    global answered
    turn, conn = 0, client()
    while turn == 0 or os.path.exists(path):
        try:
            stream(conn, f"i-0{number:08x}{turn:08x}")
            with lock:
                answered += 1
        except Exception as error:  # whatever it is: that is what is counted
            with lock:
                failed.append(f"stream {number}.{turn}: {error!r}")
        turn += 1
        if turn == 1:
            begun.wait()
        if keeps:
            time.sleep(random.choice(PAUSES))
    conn.close()


threads = [threading.Thread(target=keep, args=(n,)) for n in range(at_once)]
open(path, "w").close()
for thread in threads:
    thread.start()
begun.wait()
with open(path, "w") as ready:
    ready.write("all have had an answer\n")
for thread in threads:
    thread.join()
print(f"{answered} answered, {len(failed)} failed")
for line in failed[:10]:
    print(line)
sys.exit(bool(failed))
