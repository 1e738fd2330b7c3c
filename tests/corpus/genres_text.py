# SPDX-License-Identifier: Apache-2.0
"""What people write and tools exchange: prose, runbooks, chat, CSV, XML, HTTP; and documents with nothing to hide."""
from typing import Callable, List

import clean
import ids
from dice import Dice
from marks import escaped, keep, percent
from world import Said, World, camel, lower_camel, snake, title


def sentence(w: World, one: Said) -> str:
    """Alone a value may stand anywhere; another one stands beside its key."""
    if not one.alone:
        return w.d.pick([f"The {one.key} is {one.text}.", f"Use {one.key} {one.text} there.",
                         f"{title(one.key)}: {one.text}",
                         f"We set {one.key} = {one.text}, as agreed.", f"({one.key}: `{one.text}`)"])
    return w.d.pick([f"It died on {one.text}.", f"Please look at {one.text}, it is slow.",
                     f"I moved {one.text} to the new one.",
                     f"{one.text} is what we want.", f"Who owns {one.text}?", f"See `{one.text}` for that.",
                     f"**{one.text}** must stay!", f"({one.text})", f"the {one.key} \"{one.text}\" is gone",
                     f"Not {one.text}; take {w.again(one)}.", f"{title(one.key)}: {one.text}",
                     f"cf. _{one.text}_"])


def prose(w: World) -> str:
    d = w.d
    out = [sentence(w, one) for one in w.said(6, 12)] + ["After that " + one for one in clean.lines(d, 1, 3)]
    text = " ".join(d.shuffled(out))
    if d.chance(0.8):
        text += f" Für {w.v('EC2_INSTANCE')} gilt das nicht, 実例は「{w.v('VPC')}」です。"
    return text + "\n"


def runbook(w: World) -> str:
    d = w.d
    out = [f"# Failover of {w.word()}", ""]
    for n, one in enumerate(w.said(5, 8), 1):
        out += d.pick([[f"{n}. {sentence(w, one)}"], [f"- **{title(one.key)}**: `{one.text}`"],
                       [f"* {title(one.key)}: {one.text}"],
                       ["```sh", f"aws {one.service} get --{one.key.replace(' ', '-')} {one.text}", "```"]])
    if d.chance(0.7):
        out += ["", "```", w.block(), "```"]
    out += ["", "| what | which |", "| --- | --- |"]
    out += [f"| {title(one.key)} | {d.pick(['`{}`', '{}', '**{}**']).format(one.text)} |"
            for one in w.said(2, 5)]
    return "\n".join(out + [""] + ["> " + one for one in clean.lines(d, 1, 2)]) + "\n"


def chat(w: World) -> str:
    d, out = w.d, []
    for one in w.said(5, 9):
        out.append(f"{d.pick(['@ana', 'bo', 'li', '[09:14] kim'])}: {sentence(w, one)}")
    if d.chance(0.8):
        out += ["ana: here it is", "```", w.block(), "```"]
    return "\n".join(out + ["bo: " + one for one in clean.lines(d, 1, 2)]) + "\n"


def csv(w: World) -> str:
    sep = w.d.pick([",", ",", ";", "\t"])
    said = w.said(3, 5, alone=True)
    quote = w.d.pick(["{}", "\"{}\""])
    rows = [sep.join(snake(one.key) for one in said)]
    rows += [sep.join(quote.format(w.again(one)) for one in said) for _ in range(w.d.between(3, 6))]
    return "\n".join(rows) + "\n"


def xml(w: World) -> str:
    d = w.d
    out = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>", f"<{camel(w.word())}Response>"]
    for one in w.said(4, 8):
        tag = d.pick([camel, lower_camel])(one.key)
        out.append(d.pick([f"  <{tag}>{one.text}</{tag}>",
                           f"  <item>\n    <{tag}>{one.text}</{tag}>\n  </item>",
                           f"  <entry key=\"{tag}\">{one.text}</entry>", f"  <node {tag}=\"{one.text}\"/>"]))
    return "\n".join(out + [f"  <RequestId>{w.request_id()}</RequestId>", "</Response>"]) + "\n"


def http(w: World) -> str:
    """A trace of HTTP: encoded queries and forms, signed headers."""
    d = w.d
    said = w.said(3, 6, alone=True)
    query = "&".join(f"{camel(one.key)}={percent(one.text)}" for one in said)
    out = [f"> GET /?Action=Describe{camel(said[0].service)}&{query}&Version=2016-11-15 HTTP/1.1",
           f"> Host: {keep('ec2.' + w.region + '.amazonaws.com')}", "> User-Agent: curl/8.5.0",
           f"> Authorization: AWS4-HMAC-SHA256 "
           f"Credential={w.v('ACCESS_KEY_ID')}/20270304/{w.region}/ec2/aws4_request, "
           f"SignedHeaders=host;x-amz-date, Signature={w.v('REQUEST_SIGNATURE')}", "< HTTP/1.1 302 Found",
           f"< Location: {w.fill('https://{S3_BUCKET}.s3.{region}.amazonaws.com/{path}')}"
           + f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={w.v('REQUEST_SIGNATURE')}",
           f"< x-amz-request-id: {d.chars('0123456789ABCDEF', 16)}",
           "https://console.aws.amazon.com/go?to="
           + percent("https://x.example/?a=" + percent(w.fill("s3://{S3_BUCKET}/{path}")))]
    return "\n".join(out) + "\n"


def underscored(w: World) -> str:
    """Names made of identifiers: files, keys, labels."""
    d, out = w.d, []
    kinds = ["EC2_INSTANCE", "VPC", "SUBNET", "EBS_VOLUME", "EC2_IMAGE", "SECURITY_GROUP", "EBS_SNAPSHOT",
             "EFS_FILE_SYSTEM",
             "TRANSIT_GATEWAY", "NAT_GATEWAY", "ROUTE_TABLE", "ORGANIZATION", "EMR_CLUSTER"]
    for _ in range(d.between(6, 12)):
        one = w.v(d.pick(kinds))
        out.append(d.pick(["backup_{}_2027", "/var/lib/data/{}/x", "report_{}.txt", "{}_old", "tmp/{}.tar",
                           "node_{}", "key=prod/{}", "x@{}", "[{}]", "<{}>", "{}:8080", f"cp {w.v('VPC')},{{}}"]).format(one))
    return "\n".join(out) + "\n"


def escapes(w: World) -> str:
    """A value right behind each kind of escape, at each depth."""
    d, out = w.d, []
    for depth in (1, 2, 3):
        for escape in d.some(["\n", "\t", "\r\n", "\""], 3):
            text = f"ids:{escape}" + escape.join(one.text for one in w.said(2, 3, alone=True))
            for _ in range(depth):
                text = escaped(text)
            out.append(f'{{"out":"{text}"}}' if depth == 1 else f"out={text}")
    return "\n".join(out) + "\n"


WITHOUT: List[Callable[[Dice], str]] = [
    lambda d: "def total(items, key=None, bucket=None, role=\"user\"):\n    return sum(item.price for item in "
              "items if item.key)\n",
    lambda d: f".{d.pick(ids.WORDS)} {{ margin: 0 auto; color: {keep('#' + d.chars(ids.HEX, 6))}; }}\n",
    lambda d: f"The account of {d.pick(ids.WORDS)} closed in {d.between(1990, 2020)}; its owner has no "
              f"password.\n",
    lambda d: f"    \"{d.pick(ids.WORDS)}\": \"^{keep(clean.version(d))}\",\n",
    lambda d: "Put the secret in the vault, give the role a policy, and name the bucket after the team.\n",
    lambda d: f"SELECT account, owner FROM users WHERE id = {keep(str(d.between(10 ** 6, 10 ** 9)))} AND role "
              f"= 'admin';\n",
    lambda d: f"{keep(ids.uuid(d))}  {keep('20270' + d.pick('123456') + '15T101500Z')}\n",
    lambda d: f"| function | table | cluster |\n| {keep('render')} | {keep('users')} | {keep('main')} |\n",
    lambda d: f"kubectl -n default get pod {keep(clean.pod(d))} -o wide\n",
    lambda d: f"password: ${{{keep('DB_PASSWORD')}}}\ntoken: {{{{ {keep('.Values.token')} }}}}\n",
    lambda d: f"resource \"aws_instance\" \"web\" "
              f"{{\n  subnet_id = {keep('aws_subnet.main.id')}\n  ami = {keep('var.image_id')}\n}}\n",
    lambda d: f"const key = {keep('process.env.API_KEY')}; const bucket = "
              f"{keep('event.Records[0].s3.bucket.name')};\n",
    lambda d: f"2027-03-04 {d.between(10, 23)}:15:01 worker {keep(str(d.between(10 ** 11, 10 ** 12 - 1)))} "
              f"items in {d.between(2, 9)} s\n",
    lambda d: f"Zone {keep('us-east-1a')} of Region {keep('us-east-1')}, family {keep('t3.medium')}, engine "
              f"{keep('aurora-postgresql')}\n",
]


def nothing(w: World) -> str:
    """Nothing of ours in it at all."""
    parts = [make(w.d) for make in w.d.some(WITHOUT, w.d.between(4, 8))]
    parts += [one + "\n" for one in clean.lines(w.d, 5, 10)]
    return "".join(w.d.shuffled(parts))


GENRES = {"prose": prose, "runbook": runbook, "chat": chat, "csv": csv, "xml": xml, "http": http,
          "file names": underscored,
          "escapes": escapes, "clean": nothing}
