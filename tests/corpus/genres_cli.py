# SPDX-License-Identifier: Apache-2.0
"""The aws command line's four output formats, and a shell's history of its commands."""
import json
import re
from typing import Any, Dict, List

import blocks
import clean
from marks import CLOSE, OPEN, SEP, pad, plain
from world import Said, World, camel, kebab, title

ACCOUNT = re.compile(f'"({OPEN}AWS_ACCOUNT{SEP}[1-9][0-9]*{CLOSE})"')


def nested(w: World, said: List[Said]) -> Any:
    """Facts in an object, some of them one or two levels deeper, or several of a kind in a list."""
    flat: Dict[str, Any] = {}
    for one in w.d.shuffled(said):
        place = w.d.below(6)
        if place == 0:
            flat.setdefault(w.d.pick(["Configuration", "Attributes", "Details", "Settings"]),
                            {})[camel(one.key)] = one.text
        elif place == 1:
            flat.setdefault(camel(one.service) + "Items",
                            []).append({camel(one.key): one.text, "State": "available"})
        else:
            flat[camel(one.key)] = one.text
    if w.d.chance(0.6):
        flat["Tags"] = [{"Key": "team", "Value": w.word()}, {"Key": "env", "Value": w.d.pick(["prod", "test"])}]
    if w.d.chance(0.5):
        flat["CreateTime"] = w.stamp()
    if w.d.chance(0.4):
        flat["AvailabilityZone"] = w.region + "a"
    return flat


def answer(w: World, low: int = 4, high: int = 12) -> Any:
    data = {camel(w.one(alone=True).service) + w.d.pick(["Set", "List", "s"]): [
        nested(w, w.said(low, high)) for _ in range(w.d.between(1, 2))]}
    if w.d.chance(0.3):
        data["ResponseMetadata"] = {"RequestId": w.request_id(), "HTTPStatusCode": 200, "RetryAttempts": 0}
    return data


def numbers(text: str) -> str:
    """Account ids as some programs write them: without quotes."""
    return ACCOUNT.sub(r"\1", text)


def aws_json(w: World) -> str:
    return json.dumps(answer(w), ensure_ascii=False, indent=w.d.pick([4, 4, 2])) + "\n"


def aws_json_lines(w: World) -> str:
    text = "".join(json.dumps({**nested(w, w.said(3, 6)), "AccountId": w.account()}, ensure_ascii=False,
                              separators=w.d.pick([(",", ":"),
                                                   (", ", ": ")])) + "\n" for _ in range(w.d.between(1, 3)))
    return numbers(text) if w.d.chance(0.5) else text


def yaml_of(data: Any, depth: int = 0) -> List[str]:
    margin, out = "  " * depth, []
    for key, item in data.items():
        if isinstance(item, dict):
            out += [f"{margin}{key}:"] + yaml_of(item, depth + 1)
        elif isinstance(item, list):
            out.append(f"{margin}{key}:")
            for one in item:
                first, *rest = yaml_of(one, depth + 1)
                out += [margin + "- " + first.strip(), *rest]
        else:
            out.append(f"{margin}{key}: {quoted(str(item))}")
    return out


def quoted(text: str) -> str:
    bare = plain(text)
    return f"'{text}'" if bare.isdigit() or bare[:1] in "*&!%@`" or ": " in bare else text


def aws_yaml(w: World) -> str:
    return "\n".join(yaml_of(answer(w))) + "\n"


def table(name: str, rows: List[List[str]], heads: List[str]) -> List[str]:
    cols = [max(len(plain(row[i])) for row in rows + ([heads] if heads else [])) + 2 for i in range(len(rows[0]))]
    wide = sum(cols) + len(cols) - 1
    rule = "+" + "+".join("-" * c for c in cols) + "+"
    out = ["-" * (wide + 2), "|" + name.center(wide) + "|", rule]
    if heads:
        out += ["|" + "|".join(h.center(c) for h, c in zip(heads, cols)) + "|", rule]
    out += ["|" + "|".join(pad(" " + cell, c) for cell, c in zip(row, cols)) + "|" for row in rows]
    return out + [rule]


def aws_table(w: World) -> str:
    said = w.said(4, 8)
    out = table("Describe" + camel(said[0].service), [[camel(s.key), s.text] for s in said], [])
    alone = w.said(2, 3, alone=True)
    rows = [[w.again(s) for s in alone] + ["available"] for _ in range(w.d.between(2, 3))]
    return "\n".join(out + table("Items", rows, [camel(s.key) for s in alone] + ["State"])) + "\n"


def aws_text(w: World) -> str:
    out = []
    for one in w.said(4, 8, alone=True):
        cells = [w.again(one), w.d.pick(["available", "active", "None", "True"]), w.region + "b"]
        out.append("\t".join([one.service.upper()] + w.d.shuffled(cells)))
    return "\n".join(out) + "\n"


def command(w: World, one: Said) -> str:
    verb = w.d.pick(["describe", "get", "list", "update", "delete"])
    noun = kebab(one.key)
    if noun.endswith("-id"):
        noun = noun[:-3]
    join = w.d.pick([" ", " ", "="])
    text = w.d.pick(["{}", "{}", "'{}'", '"{}"']).format(one.text)
    out = f"aws {one.service} {verb}-{noun} --{kebab(one.key)}{join}{text}"
    if w.d.chance(0.4):
        out += f" --region {w.region}"
    if w.d.chance(0.3):
        out += w.d.pick([" --output text", " --query 'Items[].Id'", " | jq -r .", " --no-cli-pager"])
    return out


def shell_history(w: World) -> str:
    out = [command(w, one) for one in w.said(4, 9)]
    out += [f"ssh -i ~/.ssh/{w.word()}.pem ec2-user@{w.v('PRIVATE_IPV4')}",
            f"aws s3 cp ./{w.path()} s3://{w.v('S3_BUCKET')}/{w.path()}",
            f"git checkout {w.sha(8)}", "ls -la /tmp", f"terraform import aws_vpc.main {w.v('VPC')}"]
    out = w.d.shuffled(out)
    if w.d.chance(0.4):
        out.append(blocks.exports(w))
    if w.d.chance(0.4):
        out.append(blocks.ecs_update(w))
    if w.d.chance(0.5):
        out = [f"{n + 401:5}  {line}" for n, line in enumerate("\n".join(out).split("\n"))]
    return "\n".join(out) + "\n"


def transcript(w: World) -> str:
    """Commands with what they answered, as a terminal shows them."""
    out = []
    for one in w.said(2, 4):
        out += [w.d.pick(["$ ", "# ", "❯ ", "[ec2-user@bastion ~]$ "]) + command(w, one)]
        out.append(w.d.pick([aws_json_lines, aws_json, aws_text])(w).rstrip("\n"))
    out += clean.lines(w.d, 1, 3)
    if w.d.chance(0.7):
        out += ["$ cat creds", w.block()]
    out.append(f"An error occurred (AccessDenied) when calling the {camel(w.one().service)} operation: User: "
               f"arn:aws:iam::{w.account()}:user/{w.v('ARN_RESOURCE')} is not authorized "
               f"(request id {w.request_id()})")
    return "\n".join(out) + "\n"


def summary(w: World) -> str:
    """A script's own report, one `Key: value` a line."""
    out = [f"{title(one.key)}: {one.text}" for one in w.said(5, 10)]
    return "\n".join(out + clean.lines(w.d, 1, 3)) + "\n"


GENRES = {"aws json": aws_json, "aws json lines": aws_json_lines, "aws yaml": aws_yaml, "aws table": aws_table,
          "aws text": aws_text, "shell history": shell_history, "transcript": transcript, "summary": summary}
