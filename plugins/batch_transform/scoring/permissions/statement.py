"""Statements of IAM policies.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html says which actions
there are, which resources and which conditions each of them takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batch_transform.scoring.names import S3Uri

Conditions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where a deployment runs.

    Attributes:
        number: of the AWS account.
        region: such as ``eu-central-1``.
        partition: ``aws``, ``aws-cn`` or ``aws-us-gov``.
    """

    number: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of the account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{resource}"

    def objects(self, prefix: S3Uri, keys: str = "/*") -> str:
        """Return the ARN of objects whose keys begin with a prefix."""
        path = f"{prefix.key}{keys}" if prefix.key else keys.removeprefix("/")
        return f"arn:{self.partition}:s3:::{prefix.bucket}/{path}"

    def bucket(self, uri: S3Uri) -> str:
        """Return the ARN of a bucket."""
        return f"arn:{self.partition}:s3:::{uri.bucket}"

    def key(self, kms_key: str) -> str:
        """Return the ARN of a KMS key; of an alias the account's every key."""
        if kms_key.startswith("arn:") and ":key/" in kms_key:
            return kms_key
        return self.arn("kms", "key/*" if "alias/" in kms_key else f"key/{kms_key}")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement.

    Attributes:
        sid: its name in the policy.
        actions: that it is about.
        resources: ARNs, with wildcards.
        conditions: under which it holds.
        effect: ``Allow`` or ``Deny``.
        principal: whom it is about, in the policy of a bucket; None in that of a role.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Conditions = field(default_factory=dict)
    effect: str = "Allow"
    principal: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the statement as IAM has it."""
        stated: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": self.effect,
            **({"Principal": self.principal} if self.principal else {}),
            "Action": sorted(self.actions),
            "Resource": list(dict.fromkeys(self.resources)),
        }
        return {**stated, "Condition": dict(self.conditions)} if self.conditions else stated


def policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": [each.to_json() for each in statements]}


def encrypting(sid: str, account: Account, kms_key: str, service: str) -> Statement:
    """Let a role store and read under a key, through one service alone."""
    via = {"kms:ViaService": f"{service}.{account.region}.amazonaws.com"}
    alias = kms_key.rpartition(":")[2] if "alias/" in kms_key else ""
    named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}} if alias else {}
    return Statement(
        sid=sid,
        actions=("kms:Decrypt", "kms:GenerateDataKey"),
        resources=(account.key(kms_key),),
        conditions={"StringEquals": via, **named},
    )


def listing(sid: str, account: Account, bucket: S3Uri, prefixes: Sequence[str]) -> Statement:
    """Let a role list the objects whose keys begin so."""
    return Statement(
        sid=sid,
        actions=("s3:ListBucket",),
        resources=(account.bucket(bucket),),
        conditions={"StringLike": {"s3:prefix": list(prefixes)}},
    )
