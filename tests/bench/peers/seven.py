# SPDX-License-Identifier: Apache-2.0
"""Masking as one writes it in an afternoon: seven expressions, and two dictionaries."""
import re

KINDS = {
    "EC2_INSTANCE": r"i-[0-9a-f]{8,17}",
    "VPC": r"vpc-[0-9a-f]{8,17}",
    "SUBNET": r"subnet-[0-9a-f]{8,17}",
    "SECURITY_GROUP": r"sg-[0-9a-f]{8,17}",
    "ACCESS_KEY": r"A[KS]IA[A-Z0-9]{16}",
    "ARN": r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{0,12}:[A-Za-z0-9_.:/-]+",
    "PRIVATE_IP": r"10(?:\.[0-9]{1,3}){3}|192\.168(?:\.[0-9]{1,3}){2}|172\.(?:1[6-9]|2[0-9]|3[01])(?:\.[0-9]{1,3}){2}",
}
EXPRESSIONS = {kind: re.compile(rf"\b(?:{expression})\b") for kind, expression in KINDS.items()}
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z0-9_]*_[0-9]{3,}")

placeholders: dict[str, str] = {}
values: dict[str, str] = {}
counts: dict[str, int] = dict.fromkeys(KINDS, 0)


def placeholder_of(kind, value):
    known = placeholders.get(value)
    if known is None:
        counts[kind] += 1
        known = placeholders[value] = f"{kind}_{counts[kind]:03}"
        values[known] = value
    return known


def mask(text):
    for kind, expression in EXPRESSIONS.items():
        text = expression.sub(lambda found, kind=kind: placeholder_of(kind, found[0]), text)
    return text


def unmask(text):
    return PLACEHOLDER.sub(lambda found: values.get(found[0], found[0]), text)
