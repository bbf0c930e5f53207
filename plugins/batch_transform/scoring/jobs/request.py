"""The CreateTransformJob request of a pipeline.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.models import ModelFacts
from batch_transform.scoring.names import content_digest
from batch_transform.scoring.pipeline import Pipeline, PipelineFile

PACKAGE_MAJOR_VERSION = 0

_CONTENT_TYPES = {"csv": "text/csv", "jsonl": "application/jsonlines"}
JOIN_SOURCES = {"engine": "Input", "line": "None"}
_COMPRESSION_TYPES = {"none": "None", "gzip": "Gzip"}


@dataclass(frozen=True, kw_only=True)
class JobPlaces:
    """The parts of a request that differ from run to run; text, or templates that become text.

    Attributes:
        manifest: URI of the ManifestFile.
        output: URI of the output prefix.
    """

    manifest: str
    output: str


def build(settings: PipelineFile, places: JobPlaces) -> dict[str, Any]:
    """Build the request, but for the job's name and tags; ``transform.overrides`` is merged last.

    ModelName is empty where the pipeline names a model package group: its version is looked up
    when a job is started.
    """
    content_type = _CONTENT_TYPES[settings.record.format]
    transform = settings.transform
    request = {
        "ModelName": settings.model.name or "",
        "BatchStrategy": transform.strategy,
        "MaxConcurrentTransforms": transform.max_concurrent_transforms,
        "MaxPayloadInMB": transform.max_payload_mb,
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": places.manifest}
            },
            "ContentType": content_type,
            "CompressionType": _COMPRESSION_TYPES[settings.record.compression],
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": places.output,
            "Accept": content_type,
            "AssembleWith": "Line",
        },
        "TransformResources": {
            "InstanceType": transform.kinds[0],
            "InstanceCount": transform.instance_count,
        },
        "DataProcessing": _data_processing(settings),
    }
    return _merged(request, transform.overrides)


def fitted(request: Mapping[str, Any], shards: int) -> dict[str, Any]:
    """Ask for no more instances than there are shards: a day of one record has one only."""
    count = request["TransformResources"]["InstanceCount"]
    return with_instances(request, InstanceCount=min(count, shards))


def with_instances(request: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Change fields of TransformResources."""
    return {**request, "TransformResources": {**request["TransformResources"], **changes}}


def digest(pipeline: Pipeline, index: ExtractIndex, model: ModelFacts) -> str:
    """Digest what the job does: shards, model, settings, and the package's major version.

    Equal digests mean equal predictions, wherever inputs and outputs lie.
    """
    return content_digest(
        {
            "shards": [shard.records_sha256 for shard in index.shards],
            "model": [model.name, model.content],
            "request": build(pipeline.settings, JobPlaces(manifest="", output="")),
            "instance_types": pipeline.settings.transform.kinds,
            "package": PACKAGE_MAJOR_VERSION,
        }
    )


def _data_processing(settings: PipelineFile) -> dict[str, str]:
    # In CSV the ids are the first columns, so a slice hides them from the model. A JSONPath can
    # neither drop a key nor name one with an underscore, so in JSON Lines the ids stay in.
    record = settings.record
    hidden = f"$[{len(record.id)}:]" if record.format == "csv" else "$"
    source = JOIN_SOURCES[settings.transform.join]
    return {"InputFilter": hidden, "JoinSource": source, "OutputFilter": "$"}


def _merged(base: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overrides.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged
