"""The JSON Schema of ``pipeline.yaml``, by which editors complete and underline.

It knows each setting by itself, not the rules between them: what it takes may still be refused, and
what it underlines is always wrong.
https://json-schema.org/draft-07
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batch_transform.scoring.pipeline.fields import Section
from batch_transform.scoring.pipeline.file import PipelineFile
from batch_transform.scoring.pipeline.settings import meanings, sections_in, spelled, title

# The draft that editors know best; nothing of a later one is used.
_DRAFT = "http://json-schema.org/draft-07/schema#"
# Bounds beside a validator of our own keep pydantic's names.
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a ``pipeline.yaml``."""
    made = _cleaned(PipelineFile.model_json_schema())
    definitions = made.pop("$defs")
    for section in sorted(set(_sections(PipelineFile)), key=lambda each: each.__name__):
        if section is not PipelineFile:
            _describe(section, definitions[section.__name__])
    _describe(PipelineFile, made)
    return {"$schema": _DRAFT, "title": "pipeline.yaml", **made, "definitions": definitions}


def _sections(section: type[Section]) -> Iterator[type[Section]]:
    yield section
    for field in section.model_fields.values():
        for inner in sections_in(field.annotation):
            yield from _sections(inner)


def _describe(section: type[Section], described: dict[str, Any]) -> None:
    """Say of a section and its settings what they mean, and give defaults as they are written."""
    described["description"] = title(section)
    said = meanings(section)
    for name, field in section.model_fields.items():
        setting = {"description": said[name], **described["properties"][name]}
        default = spelled(field.get_default(call_default_factory=True), field)
        if not (field.is_required() or default is None or isinstance(default, dict)):
            setting["default"] = default
        described["properties"][name] = setting


def _cleaned(part: Any) -> Any:
    """Leave out what is not for people, and spell the rest as the draft does."""
    if isinstance(part, list):
        return [_cleaned(each) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:  # beside which this draft takes nothing
        return {"allOf": [{"$ref": part["$ref"].replace("$defs", "definitions")}]}
    kept = {
        _BOUNDS.get(name, name): _cleaned(value)
        for name, value in part.items()
        if name not in ("default", "discriminator") and not _is_title(name, value)
    }
    return {**kept, "additionalProperties": False} if "patternProperties" in kept else kept


def _is_title(name: str, value: Any) -> bool:
    return name == "title" and isinstance(value, str)
