# SPDX-License-Identifier: Apache-2.0
"""Logs: CI, applications, CloudTrail and GuardDuty, flow logs, access logs, terminals with colours."""
import json
from typing import List

import blocks
import clean
from marks import escaped, keep, pad, width
from world import World, camel, lower_camel, snake, title, upper

COLOURS = ["\x1b[32m", "\x1b[1;33m", "\x1b[36m", "\x1b[0;31m", "\x1b[38;5;208m"]


def ci(w: World) -> str:
    d, out = w.d, []
    for one in w.said(4, 8):
        out += d.pick([
            [f"{w.stamp()} ##[group]Run aws-actions/configure-aws-credentials@{keep('v4')}",
             f"  with: {lower_camel(one.key)}: {one.text}"],
            [f"[{w.time()}] [INFO] {title(one.key)}: {one.text}"],
            [f"+ export {upper(one.key)}={one.text}"], [f"{w.stamp()} using {snake(one.key)} = \"{one.text}\""],
            [f"Step {d.between(1, 9)}/12 : ENV {upper(one.key)}={one.text}"]])
    image = w.fill("{AWS_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{ECR_REPOSITORY}")
    out += [f"The push refers to repository [{image}]",
            f"latest: digest: sha256:{w.sha(64)} size: {d.between(900, 4000)}",
            f"Deployed {w.fill('{CODE_DEPLOYMENT}')} to {w.fill('{EC2_INSTANCE}')}"] + clean.lines(d, 1, 3)
    if d.chance(0.3):
        out.append(blocks.ecs_update(w))
    return "\n".join(out) + "\n"


def app_log(w: World) -> str:
    d, out = w.d, []
    for one in w.said(5, 9):
        level = d.pick(["INFO", "WARN", "ERROR", "DEBUG"])
        out.append(d.pick([
            f"{w.stamp()} {level} [{w.word()}] {snake(one.key)}={one.text} took {d.between(1, 900)}ms",
            f"{w.date()} {w.time()},{d.between(100, 999)} - {w.word()} - {level} - {title(one.key)}: {one.text}",
            f"time=\"{w.stamp()}\" level={level.lower()} msg=\"done\" {lower_camel(one.key)}=\"{one.text}\"",
            json.dumps({"ts": w.stamp(), "level": level, lower_camel(one.key): one.text, "n": d.between(1, 99)},
                       ensure_ascii=False),
            f"{level[0]}{d.between(1000, 1231)} {w.time()} main.go:{d.between(9, 900)}] {camel(one.key)}: "
            f"\"{one.text}\""]))
    return "\n".join(out + clean.lines(d, 1, 3)) + "\n"


def journal(w: World) -> str:
    host = w.v("EC2_HOSTNAME")
    out = []
    for one in w.said(4, 8, alone=True):
        out.append(f"Mar {w.d.between(1, 31):2} {w.time()} {host} {w.word()}[{w.d.between(100, 9999)}]: "
                   + w.d.pick(["cannot reach {}", "lost {}", "mounted {} on /data", "({}) is gone",
                               "retry of {}, try 2",
                               "done with {}.", "{}: timeout"]).format(one.text))
    return "\n".join(out + clean.lines(w.d, 1, 2)) + "\n"


def inner_text(w: World) -> str:
    said = w.said(2, 4)
    return w.d.pick([
        "\n".join(one.text for one in w.said(2, 4, alone=True)),
        "\t".join(one.text for one in w.said(2, 4, alone=True)),
        json.dumps({camel(one.key): one.text for one in said}, ensure_ascii=False, indent=w.d.pick([None, 1])),
        "\r\n".join(f"{title(one.key)}:\t{one.text}" for one in said)])


def nested_json_log(w: World) -> str:
    """JSON within text, one to three levels deep: what stands at a line's start stands behind an escape."""
    out = []
    for n in range(w.d.between(2, 4)):
        text = w.block() if n == 0 else inner_text(w)
        for _ in range(w.d.between(1, 3) - 1):
            text = json.dumps({w.d.pick(["body", "Message", "payload"]): text}, ensure_ascii=False)
        text = '{"level":"info","message":"' + escaped(text) + '"}'
        if w.d.chance(0.3):
            text = text.replace("/", "\\/")
        if w.d.chance(0.3):
            text = text.replace("\\\"", "\\u0022")
        out.append(text)
    return "\n".join(out) + "\n"


def cloudtrail(w: World) -> str:
    d = w.d
    said = w.said(3, 6)
    event = {"eventVersion": keep("1.09"), "userIdentity": {
        "type": "AssumedRole", "principalId": f"{w.v('IAM_UNIQUE_ID')}:{w.v('EC2_INSTANCE')}",
        "arn": w.fill("arn:aws:sts::{AWS_ACCOUNT}:assumed-role/{ARN_RESOURCE}/{EC2_INSTANCE}"),
        "accountId": w.account(),
        "accessKeyId": w.v("ACCESS_KEY_ID")}, "eventTime": w.stamp(),
        "eventSource": keep(said[0].service + ".amazonaws.com"),
        "eventName": "Describe" + camel(said[0].service), "awsRegion": keep(w.region),
        "sourceIPAddress": w.v("PRIVATE_IPV4"),
        "requestParameters": {lower_camel(one.key): one.text for one in said},
        "responseElements": d.pick([None, {lower_camel(one.key): one.text for one in w.said(1, 3)}]),
        "requestID": w.request_id(), "eventID": w.request_id(), "recipientAccountId": w.account()}
    if d.chance(0.5):
        event = {"Records": [event]}
    return json.dumps(event, ensure_ascii=False, indent=d.pick([None, 2, 4])) + "\n"


def finding(w: World) -> str:
    d = w.d
    detector = w.v("GUARDDUTY_ID")
    data = {"detail-type": "GuardDuty Finding", "account": w.account(), "region": keep(w.region), "detail": {
        "service": {"detectorId": detector, "count": d.between(1, 40)},
        "resource": {"instanceDetails": {"instanceId": w.v("EC2_INSTANCE"), "imageId": w.v("EC2_IMAGE"),
                                         "networkInterfaces": [
            {"networkInterfaceId": w.v("NETWORK_INTERFACE"), "privateIpAddress": w.v("PRIVATE_IPV4"),
             "subnetId": w.v("SUBNET"), "vpcId": w.v("VPC"),
             "securityGroups": [{"groupId": w.v("SECURITY_GROUP")}]}]},
            "accessKeyDetails": {"accessKeyId": w.v("ACCESS_KEY_ID"), "userName": w.v("IAM_USER")}},
        **{lower_camel(one.key): one.text for one in w.said(2, 5)}}}
    return json.dumps(data, ensure_ascii=False, indent=d.pick([None, 2])) + "\n"


def flow_log(w: World) -> str:
    out = ["version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
           "action log-status"]
    for _ in range(w.d.between(5, 12)):
        d = w.d
        begin = d.between(1700000000, 1790000000)
        out.append(f"2 {w.account()} {w.v('NETWORK_INTERFACE')} {w.v('PRIVATE_IPV4')} {w.v('PRIVATE_IPV4')} "
                   f"{d.between(1024, 65000)} "
                   f"{d.pick([22, 80, 443, 5432])} 6 {d.between(1, 90)} {d.between(40, 90000)} "
                   f"{keep(str(begin))} {begin + 60} "
                   f"{d.pick(['ACCEPT', 'REJECT'])} OK")
    return "\n".join(out) + "\n"


def access_log(w: World) -> str:
    d, out = w.d, []
    for _ in range(d.between(3, 6)):
        out.append(d.pick([
            lambda: f"{w.v('PRIVATE_IPV4')} - - [{d.between(1, 28):02}/Mar/2027:{w.time()} +0000] "
                    f"\"GET /{w.path()}?vpc={w.v('VPC')}&next=s3%3A%2F%2F{w.v('S3_BUCKET')}%2Fa HTTP/1.1\" 200 "
                    f"{d.between(20, 90000)} "
                    f"\"-\" \"aws-cli/{keep('2.15.30')}\"",
            lambda: f"https {w.stamp()} {w.fill('app/{ELB_NAME}/{ELB_HASH}')} "
                    f"{w.v('PRIVATE_IPV4')}:{d.between(1024, 65000)} "
                    f"{w.v('PRIVATE_IPV4')}:8080 0.001 0.{d.between(100, 999)} 0.000 200 200 "
                    f"{d.between(20, 900)} {d.between(20, 9000)} "
                    f"\"GET https://{w.word()}.example.com:443/ HTTP/1.1\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 "
                    f"{w.fill('arn:aws:elasticloadbalancing:{region}:{AWS_ACCOUNT}:targetgroup/{ELB_NAME}/{ELB_HASH}')}",
            lambda: f"{w.v('CANONICAL_USER')} {w.v('S3_BUCKET')} [{d.between(1, 28):02}/Mar/2027:{w.time()} "
                    f"+0000] {w.v('PRIVATE_IPV4')} "
                    f"{w.fill('arn:aws:iam::{AWS_ACCOUNT}:user/{ARN_RESOURCE}')} "
                    f"{d.chars('0123456789ABCDEF', 16)} REST.GET.OBJECT {w.path()}",
            lambda: f"{w.date()} {w.time()} {w.v('CLOUDFRONT_DOMAIN')}.cloudfront.net GET /{w.path()} 200"])())
    return "\n".join(out + clean.lines(d, 0, 2)) + "\n"


def wrapped(text: str, columns: int) -> List[str]:
    """As a terminal wraps: at spaces, marks counting for nothing."""
    out, line = [], ""
    for word in text.split(" "):
        if line and width(line) + 1 + width(word) > columns:
            out.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return out + [line]


def terminal(w: World) -> str:
    """Coloured and wrapped, the escapes raw, or written out as logs of terminals have them."""
    d, out = w.d, []
    for one in w.said(4, 8, alone=True):
        colour = d.pick(COLOURS)
        text = colour + one.text + d.pick(["\x1b[0m", "\x1b[m"])
        form = d.pick(["{}: {}", "✓ {} {}", "\x1b[1m{}\x1b[0m {}", "│ {} │ {} │"])
        out.append(form.format(title(one.key), text))
    words = " ".join(f"the {one.key} is {one.text}" for one in w.said(3, 5, alone=True))
    out += wrapped(words, 60) + clean.lines(d, 1, 2)
    text = "\n".join(out)
    spelling = d.pick(["\x1b", "\x1b", "\\u001b", "\\x1b", "\\033"])
    return text.replace("\x1b", spelling) + "\n"


def columns(w: World) -> str:
    """What a tool prints in columns, or between bars."""
    bar = w.d.pick(["  ", " | ", " │ "])
    said = w.said(2, 4, alone=True)
    rows = [[w.again(one) for one in said] + [w.d.pick(["running", "stopped"])]
            for _ in range(w.d.between(3, 6))]
    rows.insert(0, [upper(one.key) for one in said] + ["STATE"])
    wide = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(bar.join(pad(cell, n) for cell, n in zip(row, wide)).rstrip() for row in rows) + "\n"


GENRES = {"ci log": ci, "app log": app_log, "journal": journal, "json in text": nested_json_log,
          "cloudtrail": cloudtrail,
          "finding": finding, "flow log": flow_log, "access log": access_log, "terminal": terminal,
          "columns": columns}
