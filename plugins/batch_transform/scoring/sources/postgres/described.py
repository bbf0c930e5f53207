"""The columns of a query, as PostgreSQL describes them before it reads a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import ID_KINDS, Column, Kind
from batch_transform.scoring.pipeline import Record
from batch_transform.scoring.sources.postgres.session import SQL
from batch_transform.scoring.sources.postgres.types import KINDS

_ENUM, _BASE = "e", "b"


@dataclass(frozen=True, kw_only=True)
class TypedColumn(Column):
    """A column of PostgreSQL.

    Attributes:
        type_name: the name of its type in pg_type; ``enum`` of an enum.
    """

    type_name: str


def described(cursor: Any, query: str) -> tuple[TypedColumn, ...]:
    """Return the columns of a query."""
    cursor.execute(f"SELECT * FROM (\n{query}) AS source LIMIT 0")  # noqa: S608 - the user's query
    pairs = [(column.name, column.type_code) for column in cursor.description]
    cursor.execute(SQL["types"], ([oid for _, oid in pairs],))
    types = {oid: rest for oid, *rest in cursor.fetchall()}
    return tuple(_column(name, *types[oid]) for name, oid in pairs)


def _column(name: str, type_name: str, type_class: str, shown: str) -> TypedColumn:
    if type_class == _ENUM:
        return TypedColumn(name=name, kind="text", source_type=shown, type_name="enum")
    kind: Kind | None = KINDS.get(type_name) if type_class == _BASE else None
    return TypedColumn(name=name, kind=kind, source_type=shown, type_name=type_name)


def check_types(columns: Sequence[Column], record: Record, *, reshaped: bool) -> None:
    """Refuse types without a text.

    Args:
        columns: those of the query.
        record: which of them are ids.
        reshaped: whether ``reshape.py`` takes lists and objects apart that CSV has no text for.

    Raises:
        SourceError: there are some; names them all.
    """
    problems = [
        problem for column in columns for problem in _problems(column, record, reshaped=reshaped)
    ]
    if problems:
        raise SourceError("Columns of the query cannot be written:\n  " + "\n  ".join(problems))


def _problems(column: Column, record: Record, *, reshaped: bool) -> Iterator[str]:
    shown = f"{column.name} is {column.source_type}"
    if column.kind is None:
        zone = " AT TIME ZONE …" if column.source_type.startswith("timestamp") else ""
        yield f"{shown}; cast it in the query{zone}"
    elif column.name in record.id and column.kind not in ID_KINDS:
        yield f"{shown}; an id is an integer or a text"
    elif column.kind == "nested" and record.format == "csv" and not reshaped:
        yield f"{shown}, which CSV has no text for; take it apart"
