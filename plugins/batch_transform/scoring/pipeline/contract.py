"""The contract: the columns of a record in order, and the kind of each.

``contract.yaml`` beside a pipeline's other files records it, and each extract holds its source to
it, so that a model never meets a column that was renamed, moved, added, lost or re-typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import KINDS, Column
from batch_transform.scoring.names import content_digest
from batch_transform.scoring.pipeline import Pipeline, Record

FILE_NAME = "contract.yaml"


def parse(content: Any, record: Record) -> tuple[Column, ...]:
    """Read the content of ``contract.yaml``: a mapping of columns, in order, to kinds.

    Raises:
        ValueError: it is not that, or its columns are not those of the record; one line for each
            problem.
    """
    if not isinstance(content, Mapping):
        raise ValueError("is not a mapping of columns to kinds, such as 'flight_id: integer'")
    problems = [
        f"{name}: {kind!r} is not a kind; use one of {', '.join(KINDS)}"
        for name, kind in content.items()
        if kind not in KINDS
    ]
    if list(content) != record.columns:
        problems.append(
            "its columns must be record.id and then record.features of pipeline.yaml, in their"
            f" order: {', '.join(record.columns)}"
        )
    if problems:
        raise ValueError("\n".join(problems))
    return tuple(Column(name=name, kind=kind) for name, kind in content.items())


def digest(columns: Sequence[Column]) -> str:
    """Digest names and kinds in their order."""
    return content_digest([[column.name, column.kind] for column in columns])


def check(columns: Sequence[Column], pipeline: Pipeline) -> None:
    """Hold the columns of a source to the contract; where there is none, to the names alone.

    Raises:
        SourceError: they differ; shows both lists side by side.
    """
    expected = pipeline.contract or tuple(
        Column(name=name) for name in pipeline.settings.record.columns
    )
    if len(expected) == len(columns) and all(map(_agree, expected, columns)):
        return
    raise SourceError(
        "The source's columns are not those of the record; change the source, or, with the model,"
        " pipeline.yaml and contract.yaml:\n" + "\n".join(_side_by_side(expected, columns))
    )


def _agree(expected: Column, column: Column) -> bool:
    same_kind = expected.kind is None or column.kind is None or expected.kind == column.kind
    return expected.name == column.name and same_kind


def _side_by_side(expected: Sequence[Column], columns: Sequence[Column]) -> Iterator[str]:
    pairs = list(zip_longest(map(_shown, expected), map(_shown, columns), fillvalue=""))
    width = max(len("contract"), *(len(left) for left, _ in pairs))
    yield f"    {'contract':<{width}}  source"
    for (left, right), (a, b) in zip(pairs, zip_longest(expected, columns), strict=True):
        mark = " " if a and b and _agree(a, b) else "*"
        yield f"  {mark} {left:<{width}}  {right}".rstrip()


def _shown(column: Column) -> str:
    return f"{column.name} {column.kind or column.source_type}".rstrip()
