"""What pydantic finds wrong with a ``pipeline.yaml``, in our own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError, create_model

from batch_transform.scoring.pipeline.fields import Place, Section
from batch_transform.scoring.pipeline.file import PipelineFile
from batch_transform.scoring.pipeline.source import (
    ENGINES,
    SOURCE_TAGS,
    Files,
    Query,
    engine_tag,
)

_LONGEST_SHOWN = 60
_WORDS = {
    "dict_type": "must be a mapping of names to settings",
    "list_type": "must be a list, such as [a, b]",
    "tuple_type": "must be a list, such as [a, b]",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}
_WITHOUT_VALUE = {
    "missing": "is missing",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} or fewer entries",
    "source": "has either sql, a query's file, or files, a pattern in S3",
    "rule": "{what}",
}
_TAGGED: dict[Any, type[Section]] = {
    **dict(zip(SOURCE_TAGS, (Query, Files), strict=True)),
    **{engine_tag(engine): place for engine, place in ENGINES.items()},
}
_KEY = "[key]"  # pydantic's, in the place of a mistake in a key; no setting of ours


class Checked:
    """The content of a ``pipeline.yaml``, held to what it may say.

    Attributes:
        settings: what is valid of it: where there are problems, sections may be missing.
        sections: the names of the sections that are valid.
        problems: what is wrong, each with its place.
    """

    def __init__(self, content: Any) -> None:
        """Check every section by itself, and the valid ones beside each other."""
        self.problems: list[tuple[Place, str]] = []
        self.sections = frozenset(PipelineFile.model_fields)
        try:
            self.settings = PipelineFile.model_validate(content)
        except ValidationError:
            self._check_each(content if isinstance(content, Mapping) else {})
        if not isinstance(content, Mapping):
            self.problems = [((), "must be a mapping of settings, such as 'owner: me'")]

    def _check_each(self, content: Mapping[str, Any]) -> None:
        valid = dict(self._valid(content))
        self.sections = frozenset(valid)
        self.settings = PipelineFile.model_construct(**valid)
        self.problems += self.settings.broken_between(self.sections)

    def _valid(self, content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in content:
            if name not in PipelineFile.model_fields:
                self.problems.append(((name,), unknown(name, PipelineFile.model_fields)))
        for name in PipelineFile.model_fields:
            given = {name: content[name]} if name in content else {}
            try:
                yield name, getattr(_alone(name).model_validate(given), name)
            except ValidationError as error:
                self.problems += map(_in_our_words, filter(_is_so, error.errors()))


def unknown(name: str, known: Iterable[str]) -> str:
    """Say that there is no such setting, and which was meant, or which there are."""
    by_lower_case = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower_case, n=1)
    if close:
        return f"is not a setting of a pipeline; did you mean {by_lower_case[close[0]]}?"
    return f"is not a setting of a pipeline; there are {', '.join(sorted(by_lower_case.values()))}"


@cache
def _alone(name: str) -> type[Section]:
    """Return a model with one section alone, so that a mistake in another does not hide it."""
    field = PipelineFile.model_fields[name]
    return create_model(f"Only_{name}", __base__=Section, **{name: (field.annotation, field)})  # type: ignore[call-overload,no-any-return]


def _is_so(details: Any) -> bool:
    # Where an entry is wrong by itself, pydantic may say that the list is too short as well.
    is_length = details["type"] == "too_short"
    return not is_length or len(details["input"]) < details["ctx"]["min_length"]


def _in_our_words(details: Any) -> tuple[Place, str]:
    kind, place, facts = details["type"], details["loc"], details.get("ctx", {})
    shown = tuple(part for part in place if part not in _TAGGED and part != _KEY)
    if kind == "extra_forbidden":
        return shown, unknown(str(place[-1]), _settings_at(place[:-1]))
    if kind == "model_type":
        return shown, f"must be a mapping with {', '.join(_settings_at(place))}"
    if kind in _WITHOUT_VALUE:
        return shown, _WITHOUT_VALUE[kind].format_map(facts)
    words = _WORDS.get(kind, "must be something else")
    what = str(facts["error"]) if kind == "value_error" else words.format_map(facts)
    return shown, f"{what}, not {_shown(details['input'])}"


def _shown(value: Any) -> str:
    if isinstance(value, date | bool):
        return str(value).lower()
    kinds = {dict: "a mapping", list: "a list", type(None): "nothing"}
    text = kinds.get(type(value)) or repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _settings_at(place: Place) -> list[str]:
    """Return the settings of the section that has a place."""
    section: type[Section] = PipelineFile
    for part in place:
        if part in _TAGGED:
            section = _TAGGED[part]
        elif part in section.model_fields:
            section = _section_in(section.model_fields[str(part)].annotation) or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[Section] | None:
    """Return the section that a type is, or has values of."""
    if not get_origin(annotation) and isinstance(annotation, type):
        return annotation if issubclass(annotation, Section) else None
    return next(filter(None, map(_section_in, get_args(annotation))), None)
