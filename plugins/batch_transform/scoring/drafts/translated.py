"""A CreateTransformJob request as the settings of a pipeline, and what of it no setting has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batch_transform.scoring.drafts.literal import Unknown, known

_FORMATS = {
    "text/csv": "csv",
    "application/jsonlines": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/json": "jsonl",
}
_CONTENT_TYPES = {"csv": "text/csv", "jsonl": "application/jsonlines"}
_TEMPLATES = {
    "ds": "{{ partition }}",
    "ds_nodash": "{{ year }}{{ month }}{{ day }}",
    "data_interval_start | ds": "{{ partition }}",
    "logical_date | ds": "{{ partition }}",
}
_TEMPLATE = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_HIDES = re.compile(r"\$\[([1-9]\d*):\]")


@dataclass(kw_only=True)
class Translation:
    """What a request becomes.

    Attributes:
        settings: of ``pipeline.yaml``, by section.
        hidden: how many columns the model does not see: the ids.
        notes: what a person must see to.
    """

    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: int = 1
    notes: list[str] = field(default_factory=list)

    def put(self, setting: str, value: Any) -> None:
        """Set a setting, ``section.name``."""
        section, _, name = setting.partition(".")
        self.settings.setdefault(section, {})[name] = value

    def override(self, section: str, name: str, value: Any) -> None:
        """Set a field of the request that no setting has."""
        overrides = self.settings.setdefault("transform", {}).setdefault("overrides", {})
        overrides.setdefault(section, {})[name] = value


def translated(request: Mapping[str, Any]) -> Translation:
    """Translate a request, field by field, and say what is left of it."""
    made = Translation()
    for path, value in _fields(request, ()):
        name = ".".join(path)
        translate = _TABLE.get(name)
        if translate is None:
            made.notes.append(f"{name} has no setting and was left out: {_shown(value)}")
        elif not known(value):
            made.notes.append(f"{name} is {_shown(value)}, which only a run of the file would show")
        else:
            translate(made, value)
    record = made.settings.get("record", {})
    _accept(made, request, record.get("format", "csv"))
    return made


def _fields(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the fields that are translated as one."""
    for name, inner in value.items():
        here = (*path, str(name))
        is_section = isinstance(inner, Mapping) and ".".join(here) not in _TABLE
        if is_section and inner:
            yield from _fields(inner, here)
        elif inner is not None:
            yield here, inner


def _shown(value: Any) -> str:
    return f"`{value.text}`" if isinstance(value, Unknown) else repr(value)


_Translate = Callable[[Translation, Any], None]


def _to(setting: str) -> _Translate:
    return lambda made, value: made.put(setting, value)


def _number(setting: str, least: int, why: str) -> _Translate:
    def translate(made: Translation, value: Any) -> None:
        if isinstance(value, int) and value >= least:
            made.put(setting, value)
        else:
            made.notes.append(f"{setting} stays at its default: {value!r} {why}")

    return translate


def _nothing(made: Translation, value: Any) -> None:
    """Leave out what the package does anyway."""


def _said(note: str) -> _Translate:
    return lambda made, value: made.notes.append(note.format(value))


def _only(expected: str, note: str) -> _Translate:
    def translate(made: Translation, value: Any) -> None:
        if value != expected:
            made.notes.append(note.format(value))

    return translate


def _environment(made: Translation, value: Any) -> None:
    made.put("transform.environment", {name: str(each) for name, each in value.items()})
    made.notes.append("environment is in pipeline.yaml as it was: see that no secret is in it")


def _tags(made: Translation, value: Any) -> None:
    pairs = value.items() if isinstance(value, Mapping) else _pairs(value)
    made.put("transform.tags", {str(name): str(each) for name, each in pairs})


def _pairs(tags: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, Any]]:
    yield from ((tag["Key"], tag["Value"]) for tag in tags)


def _capture(name: str) -> _Translate:
    def translate(made: Translation, value: Any) -> None:
        transform = made.settings.setdefault("transform", {})
        transform.setdefault("data_capture", {})[name] = value

    return translate


def _content_type(made: Translation, value: Any) -> None:
    kind = _FORMATS.get(str(value).partition(";")[0])
    if kind is None:
        made.notes.append(f"ContentType {value!r} is no format of records: they are csv or jsonl")
        return
    made.put("record.format", kind)
    if value == "application/json":
        made.notes.append("records are JSON Lines; the model is told application/jsonlines")


def _compression(made: Translation, value: Any) -> None:
    made.put("record.compression", "gzip" if value == "Gzip" else "none")


def _join(made: Translation, value: Any) -> None:
    made.put("transform.join", "engine" if value == "Input" else "line")


def _input_filter(made: Translation, value: Any) -> None:
    hides = _HIDES.fullmatch(value)
    if hides:
        made.hidden = int(hides[1])
    elif value == "$":
        made.notes.append("the model saw every column: the id that is added is hidden from it")
    else:
        made.override("DataProcessing", "InputFilter", value)
        made.notes.append(f"InputFilter {value} is kept: the ids are the first columns of a record")


def _output_filter(made: Translation, value: Any) -> None:
    if value != "$":
        made.override("DataProcessing", "OutputFilter", value)
        made.notes.append(f"OutputFilter {value} is kept: ids first, and see predictions.*.at")


def _data(made: Translation, value: Any) -> None:
    if not str(value).startswith("s3://"):
        made.notes.append(f"the data lie at {value!r}, which is no place in S3")
        return
    pattern = _TEMPLATE.sub(lambda match: _TEMPLATES.get(match[1], match[0]), str(value))
    made.put("source.files", pattern)


def _accept(made: Translation, request: Mapping[str, Any], record_format: str) -> None:
    output = request.get("TransformOutput")
    accept = output.get("Accept") if isinstance(output, Mapping) else None
    if isinstance(accept, str) and accept not in ("", _CONTENT_TYPES[record_format]):
        made.override("TransformOutput", "Accept", accept)


_TABLE: dict[str, _Translate] = {
    "TransformJobName": _nothing,
    "ModelName": _to("model.name"),
    "BatchStrategy": _to("transform.strategy"),
    "MaxConcurrentTransforms": _number(
        "transform.max_concurrent_transforms", 1, "leaves it to the service"
    ),
    "MaxPayloadInMB": _number("transform.max_payload_mb", 1, "would send chunks of no known size"),
    "Environment": _environment,
    "Tags": _tags,
    "ModelClientConfig": lambda made, value: (
        made.settings.setdefault("transform", {})
        .setdefault("overrides", {})
        .update(ModelClientConfig=value)
    ),
    "DataCaptureConfig.DestinationS3Uri": _capture("destination"),
    "DataCaptureConfig.KmsKeyId": _capture("kms_key"),
    "DataCaptureConfig.GenerateInferenceId": _capture("inference_id"),
    "TransformResources.InstanceType": _to("transform.instance_type"),
    "TransformResources.InstanceCount": _to("transform.instance_count"),
    "TransformResources.VolumeKmsKeyId": _to("transform.volume_kms_key"),
    "TransformOutput.KmsKeyId": _to("transform.kms_key"),
    "TransformOutput.Accept": _nothing,  # seen to once the records' format is known
    "TransformOutput.AssembleWith": _nothing,
    "TransformOutput.S3OutputPath": _said(
        "outputs lie below BATCH_TRANSFORM_S3_URI, and are loaded into the target, not at {}"
    ),
    "TransformInput.ContentType": _content_type,
    "TransformInput.CompressionType": _compression,
    "TransformInput.SplitType": _only("Line", "SplitType {} is not to be had: a record is a line"),
    "TransformInput.DataSource.S3DataSource.S3DataType": _nothing,
    "TransformInput.DataSource.S3DataSource.S3Uri": _data,
    "DataProcessing.InputFilter": _input_filter,
    "DataProcessing.OutputFilter": _output_filter,
    "DataProcessing.JoinSource": _join,
    "ExperimentConfig": _said("ExperimentConfig was left out: the ledger keeps what a run did"),
}
