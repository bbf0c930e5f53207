"""Reads pipeline folders, and reports every problem of one at once, with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from batch_transform.scoring.errors import ConfigurationError, PipelineInvalid, SourceError
from batch_transform.scoring.jobs.request import JobPlaces, build, with_instances
from batch_transform.scoring.jobs.request_checks import override_problems, rule_problems
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline import (
    SOURCE_TAGS,
    Files,
    Pipeline,
    PipelineFile,
    Query,
    contract,
)
from batch_transform.scoring.pipeline.query import (
    identifier_problems,
    with_identifiers,
)
from batch_transform.scoring.pipeline.query import problems as query_problems
from batch_transform.scoring.sources.slices import slices

FILE_NAME = "pipeline.yaml"
RESHAPE_FILE = "reshape.py"

_FOLDER_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def pipeline_folders(root: Path) -> list[Path]:
    """List the pipeline folders below ``root``, by name.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if not root.is_dir():
        raise ConfigurationError(
            f"{root} is not a folder; set BATCH_TRANSFORM_PIPELINES to the folder of the pipelines"
        )
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] not in "._")


def read_pipeline(folder: Path) -> Pipeline:
    """Read one pipeline folder.

    Raises:
        PipelineInvalid: with all problems, each with file, line and what is allowed.
    """
    problems = list(_name_problems(folder.name))
    text = _read(folder, FILE_NAME, problems)
    settings = _validated(text, problems) if text else None
    asked = _asked(folder, settings.source, problems) if settings else ""
    if settings is not None:
        problems.extend(_transform_problems(settings))
    recorded = _contract(folder, settings, problems) if settings else None
    reshape = folder / RESHAPE_FILE
    if settings is not None and recorded and not reshape.is_file():
        problems.extend(_slice_problems(settings, recorded[0]))
    if problems or settings is None:
        raise PipelineInvalid(folder.name, problems)
    return Pipeline(
        name=folder.name,
        folder=folder,
        settings=settings,
        query=asked,
        contract=recorded,
        reshape=reshape if reshape.is_file() else None,
    )


def _asked(folder: Path, source: Query | Files, problems: list[str]) -> str:
    """Return what the source is to be asked, and check it."""
    if isinstance(source, Files):
        if source.unnamed and source.columns is None and (folder / RESHAPE_FILE).is_file():
            problems.append(
                f"{FILE_NAME}: source.columns: is missing; the files do not name their columns, so"
                f" list those that {RESHAPE_FILE} is to see"
            )
        return source.asked
    query = _read(folder, source.sql, problems)
    wrong = list(_query_problems(query, source)) if query else []
    problems.extend(wrong)
    return "" if wrong else with_identifiers(query, source.identifiers)


def _contract(
    folder: Path, settings: PipelineFile, problems: list[str]
) -> tuple[Column, ...] | None:
    if not (folder / contract.FILE_NAME).is_file():
        return None
    text = _read(folder, contract.FILE_NAME, problems)
    try:
        problems.extend(
            problem.replace(FILE_NAME, contract.FILE_NAME, 1)
            for problem in _doubled_keys(yaml.compose(text, Loader=yaml.SafeLoader))
        )
        return contract.parse(yaml.safe_load(text), settings.record)
    except (yaml.YAMLError, ValueError) as error:
        problems.extend(f"{contract.FILE_NAME}: {line}" for line in str(error).splitlines())
        return None


def _name_problems(name: str) -> Iterator[str]:
    if not _FOLDER_NAME.fullmatch(name):
        yield (
            f"the folder's name {name!r} becomes DAG id and job name: use up to 40 lower-case"
            " letters, digits and underscores, a letter first"
        )


def _read(folder: Path, name: str, problems: list[str]) -> str:
    try:
        text = (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name}: cannot be read: {error}")
        return ""
    if not text.strip():
        problems.append(f"{name}: is empty")
    return text


def _validated(text: str, problems: list[str]) -> PipelineFile | None:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        doubled = list(_doubled_keys(root))
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problems.append(f"{FILE_NAME}: is not YAML: {_one_line(error)}")
        return None
    problems.extend(doubled)
    try:
        return PipelineFile.model_validate(content)
    except ValidationError as error:
        problems.extend(
            f"{FILE_NAME}:{_line(root, place)}: {'.'.join(map(str, place)) or 'the file'}:"
            f" {_message(details)}"
            for details in error.errors(include_url=False)
            for place in [[part for part in details["loc"] if part not in SOURCE_TAGS]]
        )
        return None


def _doubled_keys(node: yaml.Node | None) -> Iterator[str]:
    # YAML lets a later key silently win over an earlier one of the same name.
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield f"{FILE_NAME}:{key.start_mark.line + 1}: {key.value} is given twice"
            seen.add(key.value)
            yield from _doubled_keys(value)


def _line(root: yaml.Node | None, loc: Sequence[int | str]) -> int:
    """Find the line of the deepest part of ``loc`` that stands in the file."""
    node, line = root, 1
    for part in loc:
        key, node = _child(node, part)
        if key is None:
            break
        line = key.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node | None, yaml.Node | None]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None, None


def _message(details: Any) -> str:
    if details["type"] == "missing":
        return "is missing"
    if details["type"] == "extra_forbidden":
        return "is not a setting of a pipeline; see the table in docs/pipeline.md"
    message = details["msg"].removeprefix("Value error, ")
    given = details["input"]
    return message if isinstance(given, dict | list) else f"{message}, not {given!r}"


def _transform_problems(settings: PipelineFile) -> Iterator[str]:
    request = build(settings, JobPlaces(manifest="s3://b/m", output="s3://b/o"))
    problems = list(override_problems(settings.transform.overrides))
    for kind in settings.transform.kinds:
        problems += rule_problems(with_instances(request, InstanceType=kind))
    for problem in dict.fromkeys(problems):
        yield f"{FILE_NAME}: transform: {problem}"


def _query_problems(query: str, source: Query) -> Iterator[str]:
    for problem in [*query_problems(query), *identifier_problems(query, source.identifiers)]:
        yield f"{source.sql}: {problem}"


def _slice_problems(settings: PipelineFile, first_id: Column) -> Iterator[str]:
    for part in slices(settings.extract)[:1]:
        try:
            part.check_kind(first_id.name, first_id.kind)
        except SourceError as error:
            yield f"{FILE_NAME}: extract: {error}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
