"""Checks a CreateTransformJob request before it is sent, and reports every problem at once.

The service answers one refusal at a time, some of them only when the job has run for minutes.
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.jobs.request import with_instances

_MOST_IN_FLIGHT_MB = 100
_MOST_TAGS = 47  # of 50; three are the package's own
_FILTER_LENGTH = 63
# The service names these characters when it refuses a filter; names have letters and digits only.
_FILTER = re.compile(r"\$[a-zA-Z0-9\[\]*. ,:\-']*")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_JOINABLE = ("text/csv", "application/json", "application/jsonlines")
# Instance types with local NVMe disks, which the service encrypts itself.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformResources.html
_LOCAL_DISK = re.compile(r"ml\.(?:[a-z]+\d+[a-z]*d[a-z]*|g4dn|g5|g6|g6e|p3dn|p4d|p4de|trn1)\.")
# What the package decides; another value would make it lose its job, or pay for it twice.
_OURS = {
    "TransformJobName": "the job's name is how a retry finds its job",
    "ModelName": "name the model in model.name",
    "TransformInput.DataSource": "the job reads the manifest of its run",
    "TransformOutput.S3OutputPath": "the outputs are looked for where the run keeps its objects",
    "TransformResources.InstanceType": "name it in transform.instance_type",
    "TransformResources.InstanceCount": "set transform.instance_count",
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
    problems: list[str] = []
    for asked in (request, *(with_instances(request, InstanceType=kind) for kind in kinds)):
        problems += [*bound_problems(asked), *rule_problems(asked)]
    count = request.get("TransformResources", {}).get("InstanceCount", 1)
    if isinstance(count, int) and shards < count:
        problems.append(
            f"TransformResources.InstanceCount is {count}, but there are {shards} shards: an"
            " instance without a shard is paid and idle; lower transform.instance_count or raise"
            " shards.min_count"
        )
    if problems:
        listed = "\n  ".join(dict.fromkeys(problems))
        raise RequestRefused(f"SageMaker would refuse the transform job:\n  {listed}")


def override_problems(overrides: Mapping[str, Any]) -> Iterator[str]:
    """List the overrides that would take the job away from the package."""
    for path, why in _OURS.items():
        here: Any = overrides
        for part in path.split("."):
            here = here.get(part) if isinstance(here, Mapping) else None
        if here is not None:
            yield f"overrides must not set {path}: {why}"


def rule_problems(request: Mapping[str, Any]) -> Iterator[str]:
    """List broken rules between the fields of a request."""
    concurrent, payload = request.get("MaxConcurrentTransforms"), request.get("MaxPayloadInMB")
    if isinstance(concurrent, int) and isinstance(payload, int):
        in_flight = concurrent * payload
        if in_flight > _MOST_IN_FLIGHT_MB:
            yield (
                f"MaxConcurrentTransforms x MaxPayloadInMB is {in_flight}; the service allows"
                f" {_MOST_IN_FLIGHT_MB}"
            )
    yield from _join_problems(request)
    processing = request.get("DataProcessing", {})
    content_type = request.get("TransformInput", {}).get("ContentType", "")
    for name in ("InputFilter", "OutputFilter"):
        yield from _filter_problems(name, processing.get(name, "$"), content_type)
    resources = request.get("TransformResources", {})
    kind = resources.get("InstanceType", "")
    if resources.get("VolumeKmsKeyId") and _LOCAL_DISK.match(kind):
        yield (
            f"TransformResources.VolumeKmsKeyId cannot be used with {kind}, whose local disk"
            " encrypts itself; leave it out"
        )
    if len(request.get("Tags", ())) > _MOST_TAGS:
        yield f"Tags may have {_MOST_TAGS} entries beside the package's own"


def _join_problems(request: Mapping[str, Any]) -> Iterator[str]:
    source, target = request.get("TransformInput", {}), request.get("TransformOutput", {})
    content_type, accept = source.get("ContentType", ""), target.get("Accept", "")
    split, assemble = source.get("SplitType", "None"), target.get("AssembleWith", "None")
    if (split, assemble) != ("Line", "Line"):
        yield (
            f"SplitType is {split} and AssembleWith is {assemble}; both must be Line, since a line"
            " is a record"
        )
    if request.get("DataProcessing", {}).get("JoinSource", "None") != "Input":
        return
    if content_type not in _JOINABLE:
        yield (
            f"TransformInput.ContentType is {content_type!r}; with JoinSource Input the service"
            f" takes {', '.join(_JOINABLE)}"
        )
    if content_type != accept:
        yield (
            f"TransformInput.ContentType is {content_type!r} and TransformOutput.Accept is"
            f" {accept!r}; with JoinSource Input they must be equal"
        )


def _filter_problems(name: str, path: str, content_type: str) -> Iterator[str]:
    where = f"DataProcessing.{name} is {path!r}"
    if len(path) > _FILTER_LENGTH:
        yield f"{where}: {len(path)} characters; the service takes {_FILTER_LENGTH}"
    if not _FILTER.fullmatch(path):
        yield f"{where}: begins with $, then letters, digits and []*. ,:-' only"
    for inside in _BRACKETS.findall(path):
        if ":" in inside and "," in inside:
            yield f"{where}: a range stands alone in its brackets, like $[1:5]"
    if content_type == "text/csv" and re.search("[a-zA-Z]", path):
        yield f"{where}: CSV has columns by number, not by name"


def bound_problems(request: Mapping[str, Any]) -> Iterator[str]:
    """List what breaks a bound of the API's own model, as it is in botocore."""
    yield from _broken(_input_shape(), request, "")


@cache
def _input_shape() -> Any:
    import botocore.session  # its model of SageMaker is large: loaded where a job is started

    service = botocore.session.get_session().get_service_model("sagemaker")
    return service.operation_model("CreateTransformJob").input_shape


_KINDS: dict[str, type | tuple[type, ...]] = {
    "structure": Mapping,
    "map": Mapping,
    "list": (list, tuple),
    "string": str,
    "integer": int,
    "boolean": bool,
}


def _broken(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    wrong = isinstance(value, bool) and kind != "boolean"
    if kind in _KINDS and (wrong or not isinstance(value, _KINDS[kind])):
        yield f"{path} is {value!r}; it must be a {kind}"
    elif kind == "structure":
        yield from _broken_structure(shape, value, path)
    elif kind == "map":
        for key, each in value.items():
            yield from _out_of_bounds(shape.key, key, f"{path} key {key!r}")
            yield from _broken(shape.value, each, f"{path}.{key}")
        yield from _out_of_bounds(shape, value, path)
    elif kind == "list":
        for number, each in enumerate(value):
            yield from _broken(shape.member, each, f"{path}[{number}]")
        yield from _out_of_bounds(shape, value, path)
    else:
        yield from _out_of_bounds(shape, value, path)


def _broken_structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{prefix}{name} is missing"
    for name, each in value.items():
        if name not in shape.members:
            known = ", ".join(shape.members)
            yield f"{prefix}{name} is not a field of CreateTransformJob; there are {known}"
        elif each is not None:
            yield from _broken(shape.members[name], each, f"{prefix}{name}")


def _out_of_bounds(shape: Any, value: Any, path: str) -> Iterator[str]:
    bounds, size = shape.metadata, value if shape.type_name == "integer" else None
    if size is None and not isinstance(value, bool):
        size = len(value)
    what = "" if shape.type_name == "integer" else " long"
    if size is not None and size > bounds.get("max", size):
        yield f"{path} is {size}{what}; at most {bounds['max']}"
    if size is not None and size < bounds.get("min", size):
        yield f"{path} is {size}{what}; at least {bounds['min']}"
    if shape.type_name == "string":
        allowed, pattern = getattr(shape, "enum", None), bounds.get("pattern")
        if allowed and value not in allowed:
            yield f"{path} is {value!r}; it is one of {', '.join(allowed)}"
        if pattern and not re.fullmatch(_as_python(pattern), value):
            yield f"{path} is {value!r}, which does not match {pattern}"


def _as_python(pattern: str) -> str:
    """Spell the model's Java patterns: they name letters, blanks and digits by Unicode class."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d")):
        pattern = pattern.replace(java, python)
    return pattern
