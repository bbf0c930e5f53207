"""The CreateTransformJob request of a pipeline, built up from what is known when.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.models import ModelFacts
from batch_transform.scoring.names import S3Uri, content_digest
from batch_transform.scoring.pipeline import PipelineFile
from batch_transform.scoring.pipeline.data_processing import data_processing
from batch_transform.scoring.pipeline.governance import DataCapture

PACKAGE_MAJOR_VERSION = 0

_CONTENT_TYPES = {"csv": "text/csv", "jsonl": "application/jsonlines"}
_COMPRESSION_TYPES = {"none": "None", "gzip": "Gzip"}
_UNDECIDING = (
    ("Tags",),
    ("TransformOutput", "KmsKeyId"),
    ("TransformResources", "VolumeKmsKeyId"),
    ("DataCaptureConfig", "DestinationS3Uri"),
    ("DataCaptureConfig", "KmsKeyId"),
)


def build(settings: PipelineFile) -> dict[str, Any]:
    """Build the part that is the same for every run; ``transform.overrides`` is merged last.

    Name, tags, manifest and output are added when a job is started; ModelName too, where the
    pipeline names a model package group.
    """
    content_type = _CONTENT_TYPES[settings.record.format]
    transform = settings.transform
    request = {
        "ModelName": settings.model.name or "",
        "BatchStrategy": transform.strategy,
        "MaxConcurrentTransforms": transform.max_concurrent_transforms,
        "MaxPayloadInMB": transform.max_payload_mb,
        "TransformInput": {
            "ContentType": content_type,
            "CompressionType": _COMPRESSION_TYPES[settings.record.compression],
            "SplitType": "Line",
        },
        "TransformOutput": _given(
            Accept=content_type, AssembleWith="Line", KmsKeyId=transform.kms_key
        ),
        "TransformResources": _given(
            InstanceType=transform.kinds[0],
            InstanceCount=transform.instance_count,
            VolumeKmsKeyId=transform.volume_kms_key,
        ),
        "DataProcessing": data_processing(settings),
        **_given(
            Environment=transform.environment,
            Tags=[{"Key": key, "Value": value} for key, value in transform.tags.items()],
            DataCaptureConfig=_capture(transform.data_capture),
        ),
    }
    return _merged(request, transform.overrides)


def for_run(
    request: Mapping[str, Any], settings: PipelineFile, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Let a pipeline's public request have what a run may ask for otherwise, and what is secret.

    No override is of these.

    Args:
        request: with its templates filled in.
        settings: of the pipeline, as the run wants it.
        environment: of the container, with its templates filled in.
    """
    transform = settings.transform
    changed = with_instances(
        request, InstanceType=transform.kinds[0], InstanceCount=transform.instance_count
    )
    return {
        **changed,
        "ModelName": settings.model.name or "",
        "MaxConcurrentTransforms": transform.max_concurrent_transforms,
        **_given(Environment=environment),
    }


def public(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as others may see it: of the container's environment the names alone."""
    names = request.get("Environment") or {}
    return {**request, "Environment": dict.fromkeys(names, "…")} if names else dict(request)


def reading(request: Mapping[str, Any], manifest: S3Uri) -> dict[str, Any]:
    """Let a request read the objects of a manifest."""
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": str(manifest)}}
    return {**request, "TransformInput": {**request["TransformInput"], "DataSource": source}}


def writing(request: Mapping[str, Any], output: S3Uri) -> dict[str, Any]:
    """Let a request write below a prefix."""
    target = {**request["TransformOutput"], "S3OutputPath": str(output)}
    return {**request, "TransformOutput": target}


def fitted(request: Mapping[str, Any], shards: int) -> dict[str, Any]:
    """Ask for no more instances than there are shards: a day of one record has one only."""
    count = request["TransformResources"]["InstanceCount"]
    return with_instances(request, InstanceCount=min(count, shards))


def with_instances(request: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Change fields of TransformResources."""
    return {**request, "TransformResources": {**request["TransformResources"], **changes}}


def deciding(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a request that can change a prediction.

    Keys and tags cannot, nor where it is recorded what was read and written: a job that exists
    serves whatever they are by now.
    """
    decides = dict(request)
    for path in _UNDECIDING:
        decides = _without(decides, path)
    return decides


def digest(
    request: Mapping[str, Any],
    index: ExtractIndex,
    model: ModelFacts,
    instance_types: Sequence[str],
) -> str:
    """Digest what a job does: records, model, settings as sent, and the package's major version.

    Equal digests mean equal predictions, wherever inputs and outputs lie, and whichever of the
    instance types is to be had.
    """
    sent = deciding(request)
    sent = {**sent, "TransformInput": {**sent["TransformInput"], "DataSource": None}}
    # The names of a job's shards have its number: a job of another number has other outputs.
    portion = {"job": index.portion.job} if index.portion else {}
    return content_digest(
        {
            **portion,
            "records": [shard.records_sha256 for shard in index.shards],
            "model": model.identity,
            "request": with_instances(sent, InstanceType=list(instance_types)),
            "package": PACKAGE_MAJOR_VERSION,
        }
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _capture(capture: DataCapture | None) -> dict[str, Any]:
    if capture is None:
        return {}
    return _given(
        DestinationS3Uri=capture.destination,
        KmsKeyId=capture.kms_key,
        GenerateInferenceId=capture.inference_id,
    )


def _without(fields: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return fields without one of them, and without what holds nothing else."""
    first, *rest = path
    kept = {name: value for name, value in fields.items() if name != first}
    below = _without(fields[first], rest) if rest and first in fields else None
    return {**kept, first: below} if below else kept


def _merged(base: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overrides.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged
