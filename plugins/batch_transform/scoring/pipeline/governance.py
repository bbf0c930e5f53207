"""What the rules of a company ask of a job: keys, tags, networks, a record of what was scored."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline.fields import Flag, Section, broken_rule, matching

_OURS = "batch-transform:"
_LONGEST_KEY = 128
_LONGEST_TAG = 256


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a text, quoted where it looks like something else")
    return value


def _tag_key(value: Any) -> Any:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_KEY:
        raise ValueError(f"must be the name of a tag, of 1 to {_LONGEST_KEY} characters")
    if value.lower().startswith(("aws:", _OURS)):
        raise ValueError(f"must be another name: those that begin with aws: or {_OURS} are taken")
    return value


def _tag_value(value: Any) -> Any:
    if len(_plain(value)) > _LONGEST_TAG:
        raise ValueError(f"must be a text of at most {_LONGEST_TAG} characters")
    return value


def _place(value: Any) -> Any:
    try:
        uri = S3Uri.parse(_plain(value))
    except ValueError as error:
        raise broken_rule(str(error)) from error
    return str(uri)


# https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
KmsKey = Annotated[
    str,
    BeforeValidator(
        matching(
            r"(?:arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)/|alias/)?[A-Za-z0-9/_-]{1,256}",
            "must be a KMS key: its id, its ARN, or an alias such as alias/scoring",
        )
    ),
]
_Variable = Annotated[
    str,
    BeforeValidator(
        matching(r"[A-Za-z_]\w{0,1023}", "must be the name of a variable, such as OMP_NUM_THREADS")
    ),
]
Variables = dict[_Variable, Annotated[str, BeforeValidator(_plain)]]
Tags = dict[Annotated[str, BeforeValidator(_tag_key)], Annotated[str, BeforeValidator(_tag_value)]]
_Subnet = Annotated[
    str, BeforeValidator(matching(r"[-0-9a-zA-Z]{1,32}", "must be a subnet, such as subnet-0abc"))
]
_Group = Annotated[
    str,
    BeforeValidator(matching(r"[-0-9a-zA-Z]{1,32}", "must be a security group, such as sg-0abc")),
]


class DataCapture(Section):
    """A record of which objects a job read and wrote, as model monitoring reads it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html

    Attributes:
        destination: ``s3://bucket/prefix`` below which the lists are written.
        kms_key: KMS key of the lists.
        inference_id: whether each captured record gets an id.
    """

    destination: Annotated[str, BeforeValidator(_place)]
    kms_key: KmsKey | None = None
    inference_id: Flag = False


class Vpc(Section):
    """The network of a model's containers.

    Attributes:
        subnets: their ids.
        security_groups: their ids.
    """

    subnets: Annotated[tuple[_Subnet, ...], Field(min_length=1, max_length=16)]
    security_groups: Annotated[tuple[_Group, ...], Field(min_length=1, max_length=5)]
