# SPDX-License-Identifier: Apache-2.0
"""Infrastructure as code: Terraform's modules, plans and state, CloudFormation, policies, manifests."""
import json
from typing import Any, Dict, List

import blocks
import clean
import ids
from marks import keep, pad
from world import IMAGE, ROLE_ARN, World, camel, kebab, lower_camel, snake

KINDS = ["AWS::EC2::Instance", "AWS::RDS::DBInstance", "AWS::Lambda::Function", "AWS::EKS::Cluster"]
SECRET_ARN = "arn:aws:secretsmanager:{region}:{AWS_ACCOUNT}:secret:{ARN_RESOURCE}"
RESOURCES = ["aws_instance", "aws_vpc", "aws_db_instance", "aws_lambda_function", "aws_security_group",
             "aws_eks_cluster",
             "aws_s3_object", "aws_route53_record", "aws_ecs_service", "aws_kms_grant"]


def terraform(w: World) -> str:
    out = []
    for _ in range(w.d.between(1, 3)):
        said = w.said(3, 5)
        wide = max(len(one.key) for one in said) if w.d.chance(0.7) else 0
        out += [f'resource "{w.d.pick(RESOURCES)}" "{w.word()}" {{',
                *[f'  {snake(one.key).ljust(wide)} = "{one.text}"' for one in said],
                f'  availability_zone = "{keep(w.region + "a")}"',
                "  tags = {", f'    Name = "{w.word()}"', "  }", "}", ""]
    one = w.one()
    out += [f'variable "{snake(one.key)}" {{', f'  default = "{one.text}"', "  type    = string", "}"]
    return "\n".join(out) + "\n"


def tfvars(w: World) -> str:
    out = [f'{snake(one.key)} = "{one.text}"' for one in w.said(4, 8)]
    kind = w.d.pick(["SUBNET", "SECURITY_GROUP", "PRIVATE_IPV4"])
    out.append(f"{kind.lower()}_list = [" + ", ".join(f'"{w.v(kind)}"' for _ in range(3)) + "]")
    return "\n".join(out) + "\n"


def plan(w: World) -> str:
    """`terraform plan`, with the colours of a terminal or without."""
    colour = w.d.chance(0.5)

    def sign(mark: str) -> str:
        code = {"+": 32, "-": 31, "~": 33}[mark]
        return f"\x1b[{code}m{mark}\x1b[0m" if colour else mark
    out = ["Terraform will perform the following actions:", ""]
    for _ in range(w.d.between(1, 2)):
        mark, kind, name = w.d.pick("+-~"), w.d.pick(RESOURCES), w.word()
        out += [f"  # {kind}.{name} will be changed", f'  {sign(mark)} resource "{kind}" "{name}" {{']
        for one in w.said(3, 6):
            old = f'"{one.text}"'
            if mark == "~" and w.d.chance(0.6):
                old += f' -> "{w.again(one)}"'
            out.append(f"      {sign(mark)} {snake(one.key)} = {old}")
        out += [f"        # ({w.d.between(2, 30)} unchanged attributes hidden)", "    }", ""]
    one = w.one(alone=True)
    out += [f"{w.d.pick(RESOURCES)}.{w.word()}: Refreshing state... [id={w.v('EC2_INSTANCE')}]",
            f"{w.d.pick(RESOURCES)}.{w.word()}: Creation complete after 3s [id={w.v('VPC')}]",
            "Plan: 1 to add, 1 to change, 0 to destroy.", "", "Outputs:", "",
            f'{snake(one.key)} = "{one.text}"']
    return "\n".join(out) + "\n"


def state(w: World) -> str:
    resources: List[Dict[str, Any]] = []
    for _ in range(w.d.between(1, 3)):
        resources.append({"mode": "managed", "type": w.d.pick(RESOURCES), "name": w.word(),
                          "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                          "instances": [{"schema_version": 1, "attributes":
                                         {snake(one.key): one.text for one in w.said(3, 6)}}]})
    data = {"version": 4, "terraform_version": keep(clean.version(w.d)), "serial": w.d.between(1, 900),
            "lineage": w.request_id(), "resources": resources}
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def cloudformation(w: World) -> str:
    out = ["AWSTemplateFormatVersion: '2010-09-09'", "Parameters:"]
    for one in w.said(1, 3):
        out += [f"  {camel(one.key)}:", "    Type: String", "    Default: " + w.d.pick(["{}", "'{}'"]).format(one.text)]
    out.append("Resources:")
    for _ in range(w.d.between(1, 2)):
        out += [f"  {w.word().capitalize()}:", "    Type: " + keep(w.d.pick(KINDS)),
                "    Properties:"]
        out += [f"      {camel(one.key)}: {chr(34) + one.text + chr(34)}" for one in w.said(3, 5)]
        out += ["      SubnetIds:", *[f"        - {w.v('SUBNET')}" for _ in range(2)],
                f"      Region: !Ref {keep('AWS::Region')}"]
    return "\n".join(out) + "\n"



def policy(w: World) -> str:
    """An IAM policy, by itself or as text in JSON."""
    statements = []
    for _ in range(w.d.between(1, 3)):
        resources = [w.fill(w.d.pick([
            "arn:aws:s3:::{S3_BUCKET}", "arn:aws:s3:::{S3_BUCKET}/*",
            "arn:aws:dynamodb:{region}:{AWS_ACCOUNT}:table/{ARN_RESOURCE}",
            "arn:aws:kms:{region}:{AWS_ACCOUNT}:key/{KMS_KEY}",
            "arn:aws:logs:*:{AWS_ACCOUNT}:log-group:/aws/lambda/{LOG_GROUP}:*",
            "arn:aws:secretsmanager:*:{AWS_ACCOUNT}:secret:{ARN_RESOURCE}-*",
            "arn:aws:sqs:{region}:{AWS_ACCOUNT}:{SQS_QUEUE}",
        ])) for _ in range(w.d.between(1, 3))]
        one: Dict[str, Any] = {"Effect": w.d.pick(["Allow", "Deny"]),
                               "Resource": resources if w.d.chance(0.7) else resources[0],
                               "Action": w.d.some(["s3:GetObject", "kms:Decrypt", "dynamodb:Query",
                                                   "sqs:SendMessage"], 2)}
        if w.d.chance(0.4):
            one["Principal"] = {"AWS": w.d.pick([w.account(), w.fill("arn:aws:iam::{AWS_ACCOUNT}:root")])}
        elif w.d.chance(0.4):
            one["Principal"] = {"Service": keep(w.d.pick(clean.SERVICES) + ".amazonaws.com")}
        if w.d.chance(0.5):
            one["Condition"] = w.d.pick([
                {"StringEquals": {"aws:SourceAccount": w.account()}},
                {"StringEquals": {"aws:PrincipalOrgID": w.v("ORGANIZATION")}},
                {"StringEquals": {"sts:ExternalId": w.v("EXTERNAL_ID")}},
                {"StringEquals": {"aws:SourceVpce": w.v("VPC_ENDPOINT")}},
                {"IpAddress": {"aws:SourceIp": w.v("PRIVATE_IPV4") + "/24"}}])
        statements.append(one)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements}, ensure_ascii=False,
                          indent=None if w.d.chance(0.5) else 2)
    if w.d.chance(0.5):
        return document + "\n"
    name = w.v("IAM_POLICY")
    return json.dumps({"PolicyName": name, "RoleName": w.v("IAM_ROLE"), "PolicyDocument": document},
                      ensure_ascii=False) + "\n"


def maybe_quoted(w: World, text: str) -> str:
    return w.d.pick(["{}", "\"{}\""]).format(text)


def manifest(w: World) -> str:
    d = w.d
    out = ["apiVersion: v1", "kind: ConfigMap", "metadata:", f"  name: {w.word()}-settings", "  annotations:",
           f"    eks.amazonaws.com/role-arn: {w.fill(ROLE_ARN)}",
           "data:"]
    for one in w.said(3, 6):
        key = d.pick([snake(one.key).upper(), lower_camel(one.key), kebab(one.key)])
        out.append(f"  {key}: \"{one.text}\"")
    out += ["---", "apiVersion: apps/v1", "kind: Deployment", "spec:", "  containers:",
            f"  - image: {w.fill(IMAGE)}",
            "    env:"]
    for one in w.said(2, 4, alone=True):
        out += [f"    - name: {snake(one.key).upper()}", "      value: " + maybe_quoted(w, one.text)]
    if d.chance(0.6):
        out += ["---", blocks.kubernetes_secret(w)]
    return "\n".join(out) + "\n"


def kubectl(w: World) -> str:
    rows = [["NAME", "STATUS", "AGE", "VERSION", "INTERNAL-IP"]]
    for _ in range(w.d.between(2, 5)):
        rows.append([w.fill(f"{{EC2_HOSTNAME}}.{w.region}.compute.internal"), "Ready", f"{w.d.between(1, 90)}d",
                     keep("v1.29.3-eks-" + w.d.chars(ids.HEX, 7)), w.v("PRIVATE_IPV4")])
    cols = [34 + 14, 9, 6, 26, 16]
    out = ["".join(pad(cell, col) for cell, col in zip(row, cols)).rstrip() for row in rows]
    out += ["", "Name:         " + keep(clean.pod(w.d)),
            "Node:         " + w.fill("{EC2_HOSTNAME}.ec2.internal/{PRIVATE_IPV4}"),
            "Labels:       app=" + w.word(), "Environment:"]
    out += [f"      {snake(one.key).upper()}:  {one.text}" for one in w.said(3, 5)]
    out += ["Events:", f"  Normal  Pulled  2m  kubelet  Successfully pulled image "
                       f"\"{w.fill(IMAGE)}\""]
    return "\n".join(out) + "\n"


def task_definition(w: World) -> str:
    """Keys and values apart: of containers' environments, and parameters of a stack."""
    d = w.d
    task = {"family": w.word(), "taskRoleArn": w.fill(ROLE_ARN),
            "containerDefinitions": [{
        "name": w.word(), "image": w.fill(IMAGE),
        "environment": [{"name": snake(one.key).upper(), "value": one.text} for one in w.said(3, 5)],
        "secrets": [{"name": "TOKEN", "valueFrom": w.fill(SECRET_ARN)}]}]}
    parameters = [{"ParameterKey": camel(one.key), "ParameterValue": one.text} for one in w.said(2, 4)]
    return "".join(json.dumps(one, ensure_ascii=False, indent=d.pick([None, 2, 4])) + "\n" for one in (task, parameters))


def helm(w: World) -> str:
    """A chart's values, and the command that sets them."""
    d = w.d
    out = ["image:", f"  repository: {w.fill('{AWS_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{ECR_REPOSITORY}')}",
           f"  tag: \"{keep(clean.version(d))}\"", "serviceAccount:", "  annotations:",
           f"    eks.amazonaws.com/role-arn: {w.fill(ROLE_ARN)}",
           f"{w.word()}:"]
    out += [f"  {lower_camel(one.key)}: {maybe_quoted(w, one.text)}" for one in w.said(4, 7)]
    out += ["ingress:", "  annotations:",
            f"    alb.ingress.kubernetes.io/certificate-arn: "
            f"{w.fill('arn:aws:acm:{region}:{AWS_ACCOUNT}:certificate/{KMS_KEY}')}",
            f"    alb.ingress.kubernetes.io/subnets: {w.v('SUBNET')},{w.v('SUBNET')}",
            f"    alb.ingress.kubernetes.io/security-groups: {w.v('SECURITY_GROUP')}"]
    sets = " ".join(f"--set {lower_camel(one.key)}={one.text}" for one in w.said(2, 3, alone=True))
    out += ["---", f"# helm upgrade --install {w.word()} ./chart {sets}"]
    return "\n".join(out) + "\n"


GENRES = {"terraform": terraform, "tfvars": tfvars, "terraform plan": plan, "terraform state": state,
          "cloudformation": cloudformation, "iam policy": policy, "kubernetes": manifest, "kubectl": kubectl,
          "helm": helm, "task definition": task_definition}
