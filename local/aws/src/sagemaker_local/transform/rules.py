"""Rules between the fields of CreateTransformJob.

Those marked (words ours) are documented, but how the service words them was never seen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sagemaker_local.agent.processing import media_type
from sagemaker_local.transform.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT_MB = 100
_MOST_INSTANCES = 100
_JOINABLE = ("text/csv", "application/json", "application/jsonlines")
_SPLITS = {
    "text/csv": {"Line"},
    "application/json": {"None", "Line"},
    "application/jsonlines": {"None", "Line"},
}
_OPERATORS = ("$", "[", "]", "*", ".", " ", ",", ":", "-", "'")
_UNKNOWN_CHARACTER = re.compile(r"[^a-zA-Z0-9$\[\]*. ,:\-']")
_NVME = re.compile(r"ml\.(?:[a-z]+\d+[a-z]*d[a-z]*|g4dn|g5|g6|g6e|p3dn|trn1)\.")


def check(request: dict[str, Any], switches: Mapping[str, Any]) -> None:
    """Check a request whose members are each in bounds.

    Raises:
        ValidationException: a rule is broken.
    """
    _check_payload(request, switches)
    _check_strategy(request, switches)
    _check_instances(request["TransformResources"])
    _check_filters(request, switches)
    _check_join(request)
    kind = request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in {"S3Prefix", "ManifestFile"}:
        raise ValidationException(
            f"S3DataType {kind} is not supported by transform jobs; use S3Prefix or ManifestFile"
        )


def _check_payload(request: dict[str, Any], switches: Mapping[str, Any]) -> None:
    payload = request.get("MaxPayloadInMB")
    concurrent = request.get("MaxConcurrentTransforms")
    if payload is not None and payload > _LIMIT_MB:
        raise ValidationException(f"MaxPayloadInMB {payload} must not exceed {_LIMIT_MB} MB")
    if payload is None and switches["payload_in_product"] == "six-if-unset":
        payload = 6
    product = (concurrent or 0) * (payload or 0)
    if product > _LIMIT_MB:
        raise ValidationException(
            f"MaxConcurrentTransforms ({concurrent}) times MaxPayloadInMB ({payload}) "
            f"must not exceed {_LIMIT_MB} MB"
        )


def _check_strategy(request: dict[str, Any], switches: Mapping[str, Any]) -> None:
    split = request["TransformInput"].get("SplitType", "None")
    refused = switches["strategy_without_split"] == "refuse"
    if refused and split == "None" and "BatchStrategy" in request:
        raise ValidationException("BatchStrategy needs a SplitType other than None")


def _check_instances(resources: dict[str, Any]) -> None:
    if resources["InstanceCount"] > _MOST_INSTANCES:
        raise ValidationException(
            f"InstanceCount {resources['InstanceCount']} must not exceed {_MOST_INSTANCES}"
        )
    if resources.get("VolumeKmsKeyId") and _NVME.match(resources["InstanceType"]):
        raise ValidationException(
            f"VolumeKmsKeyId cannot be used with instance type {resources['InstanceType']}, "
            "which has local storage"
        )


def _check_filters(request: dict[str, Any], switches: Mapping[str, Any]) -> None:
    processing = request.get("DataProcessing", {})
    split = request["TransformInput"].get("SplitType", "None")
    if processing.get("InputFilter", "$") != "$" and split not in {"None", "Line"}:
        raise ValidationException(f"InputFilter cannot be used with SplitType {split}")
    content_type = request["TransformInput"].get("ContentType", "")
    accept = request["TransformOutput"].get("Accept", "")
    types = {"InputFilter": content_type, "OutputFilter": accept or content_type}
    for name, kind in types.items():
        path = processing.get(name, "$")
        if path == "$":
            continue
        _check_characters(name, path, kind)
        if media_type(kind) not in _JOINABLE:
            raise ValidationException(
                f"{name} needs data of type {', '.join(_JOINABLE)}, not {kind or 'unset'!r}"
            )
        if switches["names_on_csv"] == "create-time" and media_type(kind) == "text/csv":
            _check_no_names(name, path, kind)


def _check_characters(name: str, path: str, kind: str) -> None:
    unknown = _UNKNOWN_CHARACTER.search(path)
    if unknown is None and path.startswith("$"):
        return
    character = unknown[0] if unknown else path[:1]
    operators = "[" + ", ".join(f"'{each}'" for each in _OPERATORS) + "]"
    raise ValidationException(
        f'Invalid {name}: "{path}". Unexpected "{character}" in JsonPath. '
        f'Supported operators for "{kind}" are {operators}'
    )


def _check_no_names(name: str, path: str, kind: str) -> None:
    letter = re.search("[a-zA-Z]", path)
    if letter:
        raise ValidationException(
            f'Invalid {name}: "{path}". Unexpected "{letter[0]}" in JsonPath for "{kind}"'
        )


def _check_join(request: dict[str, Any]) -> None:
    if request.get("DataProcessing", {}).get("JoinSource") != "Input":
        return
    source, target = request["TransformInput"], request["TransformOutput"]
    content_type, accept = source.get("ContentType", ""), target.get("Accept", "")
    split, assemble = source.get("SplitType", "None"), target.get("AssembleWith", "None")
    problem = None
    if content_type != accept:
        problem = f"ContentType ({content_type!r}) and Accept ({accept!r}) must be equal"
    elif media_type(content_type) not in _JOINABLE:
        problem = f"ContentType must be one of {', '.join(_JOINABLE)}, not {content_type!r}"
    elif split != assemble:
        problem = f"SplitType ({split}) and AssembleWith ({assemble}) must be equal"
    elif split not in _SPLITS[media_type(content_type)]:
        problem = f"SplitType {split} cannot be joined for {content_type}"
    if problem:
        raise ValidationException(f"Invalid DataProcessing: with JoinSource Input, {problem}")
