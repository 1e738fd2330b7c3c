# SPDX-License-Identifier: Apache-2.0
"""Programs and their settings: SDK code in several languages, env and INI files, SQL, diffs, stack traces."""
from typing import List

import blocks
import clean
import ids
from marks import keep
from world import ROLE_ARN, World, camel, kebab, lower_camel, snake, upper


def python(w: World) -> str:
    d = w.d
    out = ["import boto3", "", f"session = boto3.Session(profile_name=\"{w.word()}\", "
                               f"region_name=\"{w.region}\")"]
    for n, one in enumerate(w.said(3, 6)):
        quote = d.pick(["\"", "'"])
        out += d.pick([
            [f"{upper(one.key)} = {quote}{one.text}{quote}"],
            [f"client{n} = session.client({quote}{one.service}{quote})",
             f"print(client{n}.describe({camel(one.key)}={quote}{one.text}{quote}))"],
            [f"{snake(one.key)} = os.environ.get(\"{upper(one.key)}\", \"{one.text}\")"],
            ["config = {", f"    {quote}{snake(one.key)}{quote}: {quote}{one.text}{quote},", "}"],
            [f"def load_{n}({snake(one.key)}={quote}{one.text}{quote}):",
             "    return session.resource(\"s3\")"]])
    out += [f"# {clean.line(d)}", f"assert version == \"{keep(clean.version(d))}\"",
            f"except ClientError as error:  # seen on {w.v('EC2_INSTANCE')}"]
    return "\n".join(out) + "\n"


def javascript(w: World) -> str:
    d = w.d
    out = ["import { S3Client } from \"@aws-sdk/client-s3\";", "import * as cdk from 'aws-cdk-lib';", ""]
    for one in w.said(3, 6):
        quote = d.pick(["\"", "'", "`"])
        out += d.pick([
            [f"const {lower_camel(one.key)} = {quote}{one.text}{quote};"],
            [f"await client.send(new "
             f"Get{camel(one.service)}Command({{ {camel(one.key)}: {quote}{one.text}{quote} }}));"],
            ["new cdk.CfnOutput(this, 'Out', {", f"  {lower_camel(one.key)}: {quote}{one.text}{quote},", "});"],
            [f"const {lower_camel(one.key)} = process.env.{upper(one.key)} {d.pick(['||', '??'])} "
             f"{quote}{one.text}{quote};"]])
    out += ["export const env = { account: '" + w.account() + "', region: '" + keep(w.region) + "' };",
            "// " + clean.line(d)]
    return "\n".join(out) + "\n"


def go_java(w: World) -> str:
    d, out = w.d, []
    for one in w.said(4, 7):
        out += d.pick([
            [f"\t{camel(one.key)}: aws.String(\"{one.text}\"),"],
            [f"const {lower_camel(one.key)} = \"{one.text}\""],
            [f"        request.set{camel(one.key)}(\"{one.text}\");"],
            [f"    .{lower_camel(one.key)}(\"{one.text}\")"],
            [f"    private static final String {upper(one.key)} = \"{one.text}\";"]])
    return "\n".join(out + ["// " + one for one in clean.lines(d, 1, 2)]) + "\n"


def env_file(w: World) -> str:
    d = w.d
    out = [f"# {w.word()} settings"]
    for one in w.said(5, 9):
        form = d.pick(["{}={}", "{}={}", "export {}={}", "{}=\"{}\"", "{}='{}'"])
        out.append(form.format(upper(one.key), one.text))
    out += [f"LOG_LEVEL={d.pick(['info', 'debug'])}", f"GIT_SHA={w.sha()}", f"AWS_REGION={keep(w.region)}"]
    return "\n".join(d.shuffled(out)) + "\n"


def ini(w: World) -> str:
    d = w.d
    out = [blocks.credentials(w), "", f"[profile {w.word()}]", f"role_arn = {w.fill(ROLE_ARN)}",
           f"sso_account_id = {w.account()}", f"region = {keep(w.region)}", "", f"[{w.word()}]"]
    out += [f"{snake(one.key)}{d.pick([' = ', '=', ': '])}{one.text}" for one in w.said(3, 6)]
    return "\n".join(out) + "\n"


def properties(w: World) -> str:
    out = [f"{w.word()}.{one.key.replace(' ', w.d.pick(['.', '-', '_']))}={one.text}"
           for one in w.said(4, 7, alone=True)]
    return "\n".join(out + [f"app.version={keep(clean.version(w.d))}"]) + "\n"


def toml(w: World) -> str:
    out = ["[package]", f"version = \"{keep(clean.version(w.d))}\"", f"[{w.word()}]"]
    out += [f"{w.d.pick([snake, kebab])(one.key)} = \"{one.text}\"" for one in w.said(4, 7)]
    return "\n".join(out) + "\n"


def sql(w: World) -> str:
    d = w.d
    fixed = [
        f"CREATE EXTERNAL TABLE {w.word()}_raw (ts timestamp, id string) LOCATION "
        f"'s3://{w.v('S3_BUCKET')}/{w.path()}';",
        f"UNLOAD ('select * from {w.word()}') TO 's3://{w.v('S3_BUCKET')}/out/' IAM_ROLE "
        f"'{w.fill(ROLE_ARN)}';",
        f"SELECT * FROM cloudtrail WHERE useridentity.accountid = '{w.account()}' AND sourceip = "
        f"'{w.v('PRIVATE_IPV4')}' LIMIT 50;",
        f"-- psql \"host={w.fill('{RDS_NAME}.{RDS_HASH}.{region}.rds.amazonaws.com')} port=5432 dbname=app "
        f"user=svc password={w.v('PASSWORD')}\"",
        f"ATTACH 'jdbc:redshift://{w.fill('{REDSHIFT_NAME}.{REDSHIFT_HASH}.{region}.redshift.amazonaws.com')}:5439/dev';"]
    out = d.some(fixed, 3)
    for one in w.said(3, 5, alone=True):
        out.append(f"INSERT INTO assets ({snake(one.key)}, seen) VALUES ('{one.text}', '{w.date()}');")
    return "\n".join(d.shuffled(out)) + "\n"


def hunk(w: World, said: List) -> List[str]:
    d, out = w.d, []
    for one in said:
        style = d.pick(["{} = \"{}\"", "{}: {}", "{}={}"])
        if d.chance(0.5):
            out.append("-" + style.format(snake(one.key), one.text))
            out.append("+" + style.format(snake(one.key), w.again(one)))
        else:
            out.append(" " + style.format(snake(one.key), one.text))
    return out


def diff(w: World) -> str:
    """A commit; also of a plain list, where the sign stands right before the value."""
    d, name = w.d, w.word()
    out = [f"commit {w.sha()}", "Author: Dev <dev@example.com>", "", f"    move {name}", "",
           f"diff --git a/{name}.tf b/{name}.tf", f"index {w.sha(7)}..{w.sha(7)} 100644", f"--- a/{name}.tf",
           f"+++ b/{name}.tf", f"@@ -{d.between(1, 90)},6 +{d.between(1, 90)},8 @@"]
    out += hunk(w, w.said(3, 6))
    out += [d.pick("+-") + one.text for one in w.said(2, 5, alone=True)]
    if d.chance(0.7):
        out += ["+" + line for line in w.block().split("\n")]
    return "\n".join(out) + "\n"


def trace(w: World) -> str:
    d, one = w.d, w.one(alone=True)
    other = w.one()
    python_ = ["Traceback (most recent call last):", f"  File \"/srv/{w.word()}/main.py\", line "
                                                     f"{d.between(9, 900)}, in handler",
               f"    table.load({snake(other.key)}=\"{other.text}\")",
               f"botocore.exceptions.ClientError: An error occurred (AccessDeniedException) when calling the "
               f"Get operation: "
               f"User: {w.fill('arn:aws:sts::{AWS_ACCOUNT}:assumed-role/{ARN_RESOURCE}/{EC2_INSTANCE}')} is "
               f"not authorized to perform: "
               f"{keep('dynamodb:GetItem')} on resource: "
               f"{w.fill('arn:aws:dynamodb:{region}:{AWS_ACCOUNT}:table/{ARN_RESOURCE}')}"]
    java = [f"com.amazonaws.SdkClientException: Unable to reach {one.text}.",
            "\tat com.amazonaws.http.Client.send(Client.java:" + str(d.between(10, 999)) + ")",
            f"Caused by: java.net.ConnectException: Connection refused: "
            f"{w.v('EC2_HOSTNAME')}.ec2.internal/{w.v('PRIVATE_IPV4')}:5432",
            f"Caused by: The bucket {w.fill('s3://{S3_BUCKET}')} does not exist (Request ID: {w.request_id()})"]
    node = [f"Error: connect ETIMEDOUT {w.v('PRIVATE_IPV4')}:443",
            f"    at TCPConnectWrap ({w.word()}.js:{d.between(1, 900)}:16) {{",
            f"  address: '{w.v('PRIVATE_IPV4')}',", f"  {lower_camel(other.key)}: '{other.text}'", "}"]
    go = [f"panic: get {one.text}: no such host", "", f"goroutine {d.between(1, 90)} [running]:",
          f"main.run({{0xc000{d.chars(ids.HEX, 6)}, 0x1}}, {{{camel(other.key)}:\"{other.text}\"}})"]
    traces = d.shuffled([python_, java, node, go])
    return "\n".join(traces[0] + traces[1] + clean.lines(d, 1, 2)) + "\n"


GENRES = {"python": python, "javascript": javascript, "go, java": go_java, "env file": env_file, "ini": ini,
          "properties": properties, "toml": toml, "sql": sql, "git diff": diff, "stack trace": trace}
