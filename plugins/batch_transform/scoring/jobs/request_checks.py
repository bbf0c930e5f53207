"""Checks a CreateTransformJob request before it is sent, and reports every problem at once.

The service answers one refusal at a time, some of them only when the job has run for minutes.
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.jobs.owners import MOST_TAGS, OWN_PREFIX
from batch_transform.scoring.jobs.request import build, with_instances
from batch_transform.scoring.jobs.request_bounds import Problem, bound_problems
from batch_transform.scoring.pipeline import PipelineFile, Place

_Value = TypeVar("_Value")

_MOST_IN_FLIGHT_MB = 100
_OWN_TAGS = 10  # three for each job, the others for as many runs that want it at once
# The service names these characters when it refuses a filter; names have letters and digits only.
_FILTER = re.compile(r"\$[a-zA-Z0-9\[\]*. ,:\-']*")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_JOINABLE = ("text/csv", "application/json", "application/jsonlines")
# Instance types with local NVMe disks, which the service encrypts itself.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformResources.html
_LOCAL_DISK = re.compile(r"ml\.(?:[a-z]+\d+[a-z]*d[a-z]*|g4dn|g5|g6|g6e|p3dn|p4d|p4de|trn1)\.")
# What the package decides; another value would make it lose its job, or pay for it twice. And what
# has a setting of its own, by which the package goes as well.
_OURS = {
    "TransformJobName": "the job's name is how a retry finds its job",
    "ModelName": "name the model in model.name",
    "BatchStrategy": "set transform.strategy",
    "MaxConcurrentTransforms": "set transform.max_concurrent_transforms",
    "MaxPayloadInMB": "set transform.max_payload_mb",
    "TransformInput.CompressionType": "set record.compression",
    "TransformInput.DataSource": "the job reads the manifest of its run",
    "TransformOutput.S3OutputPath": "the outputs are looked for where the run keeps its objects",
    "TransformResources.InstanceType": "name it in transform.instance_type",
    "TransformResources.InstanceCount": "set transform.instance_count",
    "DataProcessing.JoinSource": "set transform.join",
    "TransformOutput.KmsKeyId": "set transform.kms_key, which the shards have as well",
    "TransformResources.VolumeKmsKeyId": "set transform.volume_kms_key",
    "Environment": "set transform.environment",
    "Tags": "set transform.tags",
    "DataCaptureConfig": "set transform.data_capture",
}


# Fields of a request that have a setting of their own.
_SETTINGS = {
    ("BatchStrategy",): "strategy",
    ("MaxConcurrentTransforms",): "max_concurrent_transforms",
    ("MaxPayloadInMB",): "max_payload_mb",
    ("TransformResources", "InstanceCount"): "instance_count",
    ("TransformResources", "InstanceType"): "instance_type",
    ("TransformResources", "VolumeKmsKeyId"): "volume_kms_key",
    ("TransformOutput", "KmsKeyId"): "kms_key",
    ("Environment",): "environment",
    ("Tags",): "tags",
    ("DataCaptureConfig",): "data_capture",
}


def check(request: Mapping[str, Any], shards: int, kinds: Sequence[str] = ()) -> None:
    """Check a complete request.

    Args:
        request: what CreateTransformJob would be sent.
        shards: number of input objects.
        kinds: instance types that it may be sent with later.

    Raises:
        RequestRefused: with all problems.
    """
    problems: list[Problem] = []
    for variant in (request, *(with_instances(request, InstanceType=kind) for kind in kinds)):
        problems += _request_problems(variant)
    count = _field(request, "TransformResources.InstanceCount", 1)
    if shards < count:
        what = (
            f"is {count}, but there are {shards} shards: an instance without a shard is paid and"
            " idle; lower transform.instance_count or raise shards.min_count"
        )
        problems.append((("TransformResources", "InstanceCount"), what))
    if problems:
        listed = "\n  ".join(f"{'.'.join(path)} {what}" for path, what in dict.fromkeys(problems))
        raise RequestRefused(f"SageMaker would refuse the transform job:\n  {listed}")


def setting_problems(settings: PipelineFile) -> Iterator[tuple[Place, str]]:
    """List what the service would refuse of a pipeline's request, by the setting to change."""
    overrides = settings.transform.overrides
    request = _complete(build(settings))
    problems = [(_place(path, overrides), what) for path, what in _override_problems(overrides)]
    for number, kind in enumerate(settings.transform.kinds):
        if isinstance(request["TransformResources"], Mapping):
            request = with_instances(request, InstanceType=kind)
        for path, what in _request_problems(request):
            is_kind = path[-1] == "InstanceType" and settings.transform.instance_types
            place = ("transform", "instance_types", number) if is_kind else _place(path, overrides)
            problems.append((place, what))
    return iter(dict.fromkeys(problems))


def _complete(request: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what is known when a job is started, unless an override took its place."""
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/manifest"}}
    completed = {**request, "TransformJobName": "job", "ModelName": "model"}
    for name, field in (
        ("TransformInput", {"DataSource": source}),
        ("TransformOutput", {"S3OutputPath": "s3://bucket/output"}),
    ):
        if isinstance(request[name], Mapping):
            completed[name] = {**field, **request[name]}
    return completed


def _place(path: tuple[str, ...], overrides: Mapping[str, Any]) -> Place:
    """Return the setting that decides on a field of the request."""
    for above in (path[:length] for length in range(1, len(path) + 1)):
        if above in _SETTINGS and not _is_in(overrides, above):
            return ("transform", _SETTINGS[above])
    return ("transform", "overrides", *path)


def _request_problems(request: Mapping[str, Any]) -> list[Problem]:
    """List what is wrong with a request: its fields by themselves, or the rules between them."""
    return list(bound_problems(request)) or list(_rule_problems(request))


def _override_problems(overrides: Mapping[str, Any]) -> Iterator[Problem]:
    """List the overrides that would take the job away from the package, or a setting's place."""
    for name, why in _OURS.items():
        path = tuple(name.split("."))
        if _is_in(overrides, path):
            yield path, f"cannot be overridden: {why}"


def _is_in(fields: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(fields, Mapping) or part not in fields:
            return False
        fields = fields[part]
    return True


def _field(request: Mapping[str, Any], path: str, default: _Value) -> _Value:
    """Return a field, or the default where it is missing or no value of its type."""
    here: Any = request
    for part in path.split("."):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here if type(here) is type(default) else default


def _rule_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    in_flight = _field(request, "MaxConcurrentTransforms", 1) * _field(request, "MaxPayloadInMB", 6)
    if in_flight > _MOST_IN_FLIGHT_MB:
        yield (
            ("MaxPayloadInMB",),
            f"x MaxConcurrentTransforms is {in_flight}; the service allows {_MOST_IN_FLIGHT_MB}",
        )
    yield from _line_problems(request)
    yield from _join_problems(request)
    for name in ("InputFilter", "OutputFilter"):
        yield from _filter_problems(request, name)
    kind = _field(request, "TransformResources.InstanceType", "")
    if _field(request, "TransformResources.VolumeKmsKeyId", "") and _LOCAL_DISK.match(kind):
        yield (
            ("TransformResources", "VolumeKmsKeyId"),
            f"cannot be used with {kind}, whose local disk encrypts itself; leave it out",
        )
    yield from _tag_problems(request)


def _tag_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    """List what leaves AddTags no room for a job's owners.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
    """
    others = [tag for tag in request.get("Tags", ()) if not tag["Key"].startswith(OWN_PREFIX)]
    if len(others) > MOST_TAGS - _OWN_TAGS:
        yield ("Tags",), f"may have {MOST_TAGS - _OWN_TAGS} entries beside the package's own"


def _line_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    for path in ("TransformInput.SplitType", "TransformOutput.AssembleWith"):
        value = _field(request, path, "None")
        if value != "Line":
            yield tuple(path.split(".")), f"is {value}; it must be Line, since a line is a record"


def _join_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    if _field(request, "DataProcessing.JoinSource", "None") != "Input":
        return
    content_type = _field(request, "TransformInput.ContentType", "")
    accept = _field(request, "TransformOutput.Accept", "")
    if content_type not in _JOINABLE:
        yield (
            ("TransformInput", "ContentType"),
            f"is {content_type!r}; with JoinSource Input the service takes {', '.join(_JOINABLE)}",
        )
    if content_type != accept:
        yield (
            ("TransformOutput", "Accept"),
            f"is {accept!r} and TransformInput.ContentType is {content_type!r}; with JoinSource"
            " Input they must be equal",
        )


def _filter_problems(request: Mapping[str, Any], name: str) -> Iterator[Problem]:
    path = ("DataProcessing", name)
    text = _field(request, ".".join(path), "$")
    if not _FILTER.fullmatch(text):
        yield path, f"is {text!r}; it begins with $, then letters, digits and []*. ,:-' only"
    for inside in _BRACKETS.findall(text):
        if ":" in inside and "," in inside:
            yield path, f"is {text!r}; a range has its brackets to itself, like $[1:5]"
    is_csv = _field(request, "TransformInput.ContentType", "") == "text/csv"
    if is_csv and re.search("[a-zA-Z]", text):
        yield path, f"is {text!r}; CSV has columns by number, not by name"
