"""Records straight from PostgreSQL: the database writes them, and this proves them.

One COPY is one statement, so all records are of one snapshot, whatever is written meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import ID_KINDS, Column, Kind
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, Record
from batch_transform.scoring.pipeline.contract import check
from batch_transform.scoring.pipeline.query import statement, with_parameters
from batch_transform.scoring.sources.postgres.bindings import (
    bind,
    bind_slice,
    condition,
    quoted,
    setting,
    sort_key,
)
from batch_transform.scoring.sources.postgres.csv_lines import checked
from batch_transform.scoring.sources.postgres.json_lines import json_lines
from batch_transform.scoring.sources.postgres.refusals import Refusals
from batch_transform.scoring.sources.postgres.stream import stream
from batch_transform.scoring.sources.postgres.types import KINDS, expression
from batch_transform.scoring.sources.protocol import Lines
from batch_transform.scoring.sources.slices import Slice

_TYPES = "SELECT oid, typname, typtype, format_type(oid, NULL) FROM pg_type WHERE oid = ANY (%s)"
_FORMATS = {"csv": "csv", "jsonl": "text"}
_SESSION = """
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SET LOCAL extra_float_digits = 1
"""


class CopySource:
    """A query with the parameters ``:partition_start`` and ``:partition_end``, run by COPY."""

    def __init__(self, connection: Any, query: str, part: Slice | None = None) -> None:
        """Read through an open psycopg2 connection that nothing else uses.

        Where there is a slice, only its rows are read.
        """
        self._connection = connection
        self._part = part
        self._query = statement(query)

    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        """Run the query for a partition."""
        record = pipeline.settings.record
        self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with self._connection.cursor() as cursor:
            cursor.execute(_SESSION)
            _bind(cursor, partition, self._part)
            types = _types(cursor, self._asked())
        columns = tuple(_column(name, *found) for name, found in types)
        check(columns, pipeline)
        _check_types(columns, record)
        if self._part is not None:
            self._part.check_kind(columns[0].name, columns[0].kind)
        copy = self._copy(record, {name: found[0] for name, found in types})
        refusals = Refusals(columns=columns, id_count=len(record.id))
        copied = stream(self._connection, copy)
        blocks = _proven(self._connection, copied, refusals, record.format)
        return Lines(columns=columns, final_columns=lambda: columns, blocks=blocks, part=self._part)

    def _asked(self) -> str:
        return with_parameters(self._query, _parameter)

    def _copy(self, record: Record, types: Mapping[str, str]) -> str:
        """Write the COPY statement; rows come by their ids, so equal ids are neighbours."""
        keys = {name: sort_key(name, types[name]) for name in record.id}
        values = ", ".join(
            expression(quoted(name), type_name, record.policies, csv=record.format == "csv")
            for name, type_name in types.items()
        )
        kept = "" if self._part is None else f" WHERE {condition(self._part, keys[record.id[0]])}"
        return (
            f"COPY (SELECT {values} FROM (\n{self._asked()}) AS source{kept}"  # noqa: S608
            f" ORDER BY {', '.join(keys.values())})"
            f" TO STDOUT (FORMAT {_FORMATS[record.format]}, ENCODING 'UTF8')"
        )


def _proven(
    connection: Any, blocks: Generator[bytes], refusals: Refusals, record_format: str
) -> Generator[bytes]:
    prove = checked if record_format == "csv" else json_lines
    try:
        # Closed here, since the thread behind the stream must be gone before the connection is.
        with closing(blocks):
            yield from prove(blocks, refusals)
    finally:
        connection.rollback()  # nothing was written; the snapshot holds the database up no longer


def _parameter(name: str) -> str:
    return f"CAST({setting(name)} AS timestamptz)"


def _bind(cursor: Any, partition: Partition, part: Slice | None) -> None:
    bind(cursor, "partition_start", partition.start.isoformat())
    bind(cursor, "partition_end", partition.end.isoformat())
    if part is not None:
        bind_slice(cursor, part)


def _types(cursor: Any, query: str) -> list[tuple[str, tuple[str, str, str]]]:
    """Return each column's name with the name, the class and the full name of its type."""
    cursor.execute(f"SELECT * FROM (\n{query}) AS source LIMIT 0")  # noqa: S608 - the user's query
    described = [(column.name, column.type_code) for column in cursor.description]
    cursor.execute(_TYPES, ([oid for _, oid in described],))
    types = {oid: (name, kind, shown) for oid, name, kind, shown in cursor.fetchall()}
    return [(name, types[oid]) for name, oid in described]


def _column(name: str, type_name: str, type_class: str, shown: str) -> Column:
    kind: Kind | None = "text" if type_class == "e" else KINDS.get(type_name)
    return Column(name=name, kind=kind, source_type=shown)


def _check_types(columns: tuple[Column, ...], record: Record) -> None:
    problems = [problem for column in columns if (problem := _problem(column, record))]
    if problems:
        raise SourceError("Columns of the query cannot be written:\n  " + "\n  ".join(problems))


def _problem(column: Column, record: Record) -> str | None:
    if column.kind is None:
        zone = " AT TIME ZONE …" if column.source_type.startswith("timestamp") else ""
        return f"{column.name} is {column.source_type}; cast it in the query{zone}"
    if column.name in record.id and column.kind not in ID_KINDS:
        return f"{column.name} is {column.source_type}; an id is an integer or a text"
    if column.kind == "nested" and record.format == "csv":
        return f"{column.name} is {column.source_type}, which CSV has no text for; take it apart"
    return None
