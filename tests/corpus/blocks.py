# SPDX-License-Identifier: Apache-2.0
"""What people paste in whole: keys, credentials, Secrets, answers of a tool."""
import ids
from marks import value
from world import World


def private_key(w: World) -> str:
    kind = w.d.pick(["RSA ", "EC ", ""])
    body = [w.v("PRIVATE_KEY") for _ in range(w.d.between(3, 6))]
    return "\n".join([f"-----BEGIN {kind}PRIVATE KEY-----", *body, f"-----END {kind}PRIVATE KEY-----"])


def kubernetes_secret(w: World) -> str:
    d = w.d
    items = [f"  {key}: {w.v('KUBERNETES_SECRET')}"
             for key in d.some(["password", "token", "tls.key", "AWS_SECRET", "dsn", "config.json"],
                               d.between(1, 3))]
    return "\n".join(["apiVersion: v1", "kind: Secret", "metadata:", f"  name: {w.word()}-creds",
                      "type: Opaque",
                      "data:", *items])


def credentials(w: World) -> str:
    lines = [f"[{w.word()}]", f"aws_access_key_id = {w.v('ACCESS_KEY_ID')}",
             f"aws_secret_access_key = {w.v('SECRET_ACCESS_KEY')}"]
    if w.d.chance(0.5):
        lines.append(f"aws_session_token = {w.v('SESSION_TOKEN')}")
    return "\n".join(lines + [f"region = {w.region}"])


def exports(w: World) -> str:
    return (f"export AWS_ACCESS_KEY_ID={w.v('ACCESS_KEY_ID')}\n"
            f"export AWS_SECRET_ACCESS_KEY=\"{w.v('SECRET_ACCESS_KEY')}\"\n"
            f"export AWS_SESSION_TOKEN=\"{w.v('SESSION_TOKEN')}\"")


def caller_identity(w: World) -> str:
    return (f'{{\n    "UserId": "{w.v("IAM_UNIQUE_ID")}:{w.v("EC2_INSTANCE")}",\n    "Account": "{w.account()}",\n'
            f'    "Arn": '
            f'"arn:aws:sts::{w.account()}:assumed-role/{w.v("ARN_RESOURCE")}/{w.v("EC2_INSTANCE")}"\n}}')


def builds(w: World) -> str:
    project = ids.make(w.d, "PROJECT_NAME")
    build = value("CODE_BUILD", f"{project}:{ids.uuid(w.d)}")
    return f'{{"builds": [{{"id": "{build}", "buildStatus": "SUCCEEDED", "currentPhase": "COMPLETED"}}]}}'


def ecs_update(w: World) -> str:
    return (f"aws ecs update-service --cluster {w.v('CLUSTER_NAME')} --service {w.v('SERVICE_NAME')} "
            f"--region {w.region} --force-new-deployment")


BLOCKS = [private_key, kubernetes_secret, credentials, exports, caller_identity, builds, ecs_update]
