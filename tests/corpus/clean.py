# SPDX-License-Identifier: Apache-2.0
"""What must leave as it is: what looks like an identifier and is none, and what of AWS is everybody's."""
from typing import Callable, List

import ids
from dice import Dice
from marks import keep

POLICIES = ["AdministratorAccess", "ReadOnlyAccess", "AmazonS3ReadOnlyAccess", "AmazonEKSClusterPolicy",
            "service-role/AWSLambdaBasicExecutionRole", "AmazonSSMManagedInstanceCore",
            "AmazonEC2ContainerRegistryReadOnly",
            "job-function/ViewOnlyAccess", "CloudWatchAgentServerPolicy"]
SERVICES = ["ec2", "lambda", "ecs-tasks", "eks", "s3", "cloudtrail", "events", "states", "rds", "logs", "sqs",
            "sns",
            "codebuild", "apigateway", "config", "elasticloadbalancing", "cloudfront", "backup", "firehose"]
MODELS = ["anthropic.claude-3-5-sonnet-20241022-v2:0", "amazon.titan-embed-text-v2:0",
          "meta.llama3-1-70b-instruct-v1:0",
          "us.anthropic.claude-sonnet-4-20250514-v1:0", "mistral.mistral-large-2407-v1:0"]
EXAMPLES = ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "i-xxxxxxxx",
            "vpc-xxxxxxxxxxxxxxxxx",
            "arn:aws:iam::ACCOUNT_ID:role/ROLE_NAME", "s3://<bucket>/<key>", "${AWS_ACCOUNT_ID}",
            "subnet-XXXXXXXX"]
ADDRESSES = ["169.254.169.254", "169.254.170.2", "127.0.0.1", "0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12",
             "192.168.0.0/16", "8.8.8.8", "1.1.1.1", "::1", "fd00:ec2::254", "::/0", "255.255.255.0"]
STYLES = ["i-heroicons-bolt", "r-2xl", "d-flex", "s-full", "vol-slider", "sg-grid", "m-0", "e-commerce"]
ADDONS = ["vpc-cni", "ebs-csi-driver", "subnet-group", "sg-default", "key-rotation", "ami-builder", "acl-public"]
ZONES = ["Z2FDTNDATAQYW2", "Z35SXDOTRQ7X7K", "Z3AADJGX6KTTL2"]
COMMON = ["arn:aws:s3:::*", "arn:aws:states:::lambda:invoke", "alias/aws/s3", "alias/aws/ebs", "alias/aws/rds",
          "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
          "AWSServiceRoleForElasticLoadBalancing",
          "AWSServiceRoleForECS", "sts:AssumeRole", "ec2:DescribeInstances", "s3:GetObject", "AWS::S3::Bucket",
          "AWS::EC2::Instance", "AWS::IAM::Role", "AWS::Lambda::Function", "default.postgres15", "gp3",
          "t3.medium", "m6i.large"]


def version(d: Dice) -> str:
    return f"{d.between(0, 19)}.{d.between(0, 40)}.{d.between(0, 99)}"


def pod(d: Dice) -> str:
    safe = "bcdfghjklmnpqrstvwxz2456789"
    return f"{d.pick(ids.ROLES)}-{d.chars(safe, 10)}-{d.chars(safe, 5)}"


def digits(d: Dice, groups: int) -> str:
    return "-".join(d.chars(ids.DIGITS, 4) for _ in range(groups))


# Each gives a line that a document of any kind may hold.
LINES: List[Callable[[Dice], str]] = [
    lambda d: f"commit {keep(d.chars(ids.HEX, 40))}",
    lambda d: f"HEAD is now at {keep(d.chars(ids.HEX, 8))} tidy up",
    lambda d: f"trace {keep(ids.uuid(d))} done in "
              f"{keep(str(d.between(1, 900)) + '.' + d.chars(ids.DIGITS, 12))} ms",
    lambda d: f"package {d.pick(ids.WORDS)} {keep(version(d))} -> {keep(version(d))}",
    lambda d: f"build {keep(f'{d.between(1, 9)}.{d.between(0, 20)}.{d.between(1000, 9999)}.{d.between(0, 9)}')}",
    lambda d: f"in {keep(d.pick(ids.REGIONS))}, zone {keep(d.pick(ids.REGIONS) + d.pick('abc'))}, "
              f"{keep('use1-az' + d.pick('1246'))}",
    lambda d: f"attached {keep('arn:aws:iam::aws:policy/' + d.pick(POLICIES))}",
    lambda d: f"trusted: {keep(d.pick(SERVICES) + '.amazonaws.com')}",
    lambda d: f"calling {keep('https://' + d.pick(SERVICES) + '.' + d.pick(ids.REGIONS) + '.amazonaws.com')}",
    lambda d: f"model {keep(d.pick(MODELS))}",
    lambda d: f"as in the manual: {keep(d.pick(EXAMPLES))}",
    lambda d: f"address {keep(d.pick(ADDRESSES))}",
    lambda d: f"alias target {keep(d.pick(ZONES))}",
    lambda d: f"uses {keep(d.pick(COMMON))}",
    lambda d: f"integrity sha512-{keep(d.chars(ids.CHARS['B'], 86) + '==')}",
    lambda d: f"digest sha256:{keep(d.chars(ids.HEX, 64))}",
    lambda d: f"at {keep('20' + d.pick('2345') + d.chars('0123456789', 1) + '06' + '15' + '1042')} the batch "
              f"began",
    lambda d: f"barcode {keep(d.pick('0123456') + d.chars(ids.DIGITS, 11))} scanned",
    lambda d: f"ratio 0.{keep(d.chars(ids.DIGITS, 12))}",
    lambda d: f"pod/{keep(pod(d))} 1/1 Running",
    lambda d: f"class=\"{keep(d.pick(STYLES))}\"",
    lambda d: f"id {keep('00000000-0000-0000-0000-' + d.chars(ids.DIGITS, 12))}",
    lambda d: f"phone {keep('+1-555-0' + d.chars(ids.DIGITS, 2) + '-' + d.chars(ids.DIGITS, 4))}",
    lambda d: f"color {keep('#' + d.chars(ids.HEX, 6))}; file {keep('chunk-' + d.chars(ids.HEX, 8) + '.js')}",
    lambda d: f"serial {keep(digits(d, 4))}",
    lambda d: f"order {keep(digits(d, 3))} was shipped",
    lambda d: f"version {keep('10.%d.%d.%d' % (d.between(0, 15), d.between(0, 9), d.between(0, 9)))} of the "
              f"driver",
    lambda d: f"Mozilla/5.0 "
              f"Chrome/{keep('%d.0.%d.%d' % (d.between(90, 140), d.between(1000, 9999), d.between(10, 250)))}",
    lambda d: f"policy_name = \"{keep(d.pick(POLICIES).split('/')[-1])}\"",
    lambda d: f"addon {keep(d.pick(ADDONS))}",
    lambda d: f"the {keep('i-th')} element, {keep('r-value')}, {keep('d-day')}, {keep('e-mail')}, "
              f"{keep('vol-au-vent')}",
    lambda d: f"etag \"{keep(d.chars(ids.HEX, 32))}\"",
    lambda d: f"port {keep(str(d.between(1024, 65535)))}, pid {keep(str(d.between(2, 99999)))}, "
              f"{keep(str(d.between(10 ** 9, 10 ** 10)))} bytes",
]


def line(d: Dice) -> str:
    return d.pick(LINES)(d)


def lines(d: Dice, low: int, high: int) -> List[str]:
    return [make(d) for make in d.some(LINES, d.between(low, high))]
