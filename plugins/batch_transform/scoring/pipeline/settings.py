"""Every setting that a ``pipeline.yaml`` may have, with what it means and what it is by default.

The meanings are those of the docstrings of the sections: the JSON Schema, the docs and who reads
the code are told the same.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from batch_transform.scoring.pipeline.fields import BadRecords, Duration, Section, Share, Size
from batch_transform.scoring.pipeline.file import PipelineFile

_ENTRY = re.compile(r" {4}(\w+): (.*)")
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_POWERS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting.

    Attributes:
        path: from the top of the file: ``transform.strategy``, ``predictions.<column>.at``.
        meaning: in Markdown.
        default: as it would be written; empty where the setting must be given.
    """

    path: str
    meaning: str
    default: str


def settings() -> Iterator[Setting]:
    """List every setting, sections too, in the order of the model."""
    return _below(PipelineFile, "")


def meanings(section: type[Section]) -> dict[str, str]:
    """Read what the fields of a section mean from the Attributes of its docstring."""
    lines = (inspect.getdoc(section) or "").partition("Attributes:\n")[2].splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        entry = _ENTRY.fullmatch(line)
        if entry:
            found[entry[1]] = [entry[2]]
        elif line.startswith(" " * 8) and found:
            found[next(reversed(found))].append(line.strip())
    return {name: " ".join(words).replace("``", "`") for name, words in found.items()}


def title(section: type[Section]) -> str:
    """Return the first paragraph of a section's docstring."""
    first = (inspect.getdoc(section) or "").partition("\n\n")[0]
    return " ".join(first.split()).replace("``", "`")


def spelled(value: Any, field: FieldInfo) -> Any:
    """Return a setting's default as it would be written in the file."""
    if isinstance(value, Section):
        return {
            name: spelled(getattr(value, name), each)
            for name, each in type(value).model_fields.items()
            if getattr(value, name) is not None
        }
    for kind, spell in _SPELLINGS:
        if _is_of(field, kind) and value is not None:
            return spell(value)
    return value


def _below(section: type[Section], above: str) -> Iterator[Setting]:
    said = meanings(section)
    for name, field in section.model_fields.items():
        path = f"{above}{name}"
        yield Setting(path=path, meaning=said.get(name, ""), default=_default(field))
        named = get_origin(field.annotation) is dict
        for inner in sections_in(field.annotation):
            yield from _below(inner, f"{path}.<column>." if named else f"{path}.")


def sections_in(annotation: Any) -> Iterator[type[Section]]:
    """Yield the sections that a type is, or has values of."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from sections_in(part)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = spelled(field.get_default(call_default_factory=True), field)
    return "none" if value in (None, {}) else f"`{flow(value)}`"


def flow(value: Any) -> str:
    """Write a value as YAML on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {flow(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) and not re.match(r"[\w$%]", value) else str(value)


def _is_of(field: FieldInfo, kind: Any) -> bool:
    validator = kind.__metadata__[0]
    return any(each is validator for each in (*field.metadata, *_metadata(field.annotation)))


def _metadata(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _metadata(part)


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    unit, size = next(each for each in _UNITS if seconds % each[1] == 0)
    return f"{seconds // size}{unit}"


def _size(value: int) -> str | int:
    return next((f"{value // size}{unit}" for unit, size in _POWERS if value % size == 0), value)


def _share(value: float) -> str:
    return f"{value * 100:g}%"


_SPELLINGS = ((Duration, _duration), (Size, _size), (BadRecords, _share), (Share, _share))
