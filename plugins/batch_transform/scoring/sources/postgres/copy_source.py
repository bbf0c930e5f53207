"""Records straight from PostgreSQL: the database writes them, and this proves them.

One COPY is one statement, so all records are of one snapshot, whatever is written meanwhile. Where
there is a ``reshape.py``, the same COPY's rows become values of Python first.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from typing_extensions import override

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, Policies, Record
from batch_transform.scoring.pipeline.contract import check
from batch_transform.scoring.pipeline.query import statement, with_parameters
from batch_transform.scoring.sources.postgres.csv_lines import checked
from batch_transform.scoring.sources.postgres.described import (
    TypedColumn,
    check_types,
    described,
)
from batch_transform.scoring.sources.postgres.json_lines import NULL, json_lines
from batch_transform.scoring.sources.postgres.refusals import Refusals
from batch_transform.scoring.sources.postgres.session import (
    begin,
    condition,
    parameter,
    refusals_of_the_database,
)
from batch_transform.scoring.sources.postgres.stream import stream
from batch_transform.scoring.sources.postgres.types import Spelling, quoted, sort_key
from batch_transform.scoring.sources.postgres.values import values
from batch_transform.scoring.sources.protocol import (
    Expected,
    Lines,
    Source,
    Table,
    TableFunction,
    encoded,
    unchanged,
)
from batch_transform.scoring.sources.slices import Slice

_FORMATS = {
    "csv": "FORMAT csv",
    "jsonl": f"FORMAT text, NULL '{NULL}'",
    "values": "FORMAT text",
}


class CopySource(Source):
    """A query with the parameters of ``pipeline/query.py``, run by COPY."""

    def __init__(
        self,
        connection: Any,
        query: str,
        part: Slice | None = None,
        reshape: TableFunction = unchanged,
    ) -> None:
        """Read through an open psycopg2 connection that nothing else uses.

        Where there is a slice, only its rows are read; it is cut before they are reshaped.
        """
        self._connection = connection
        self._part = part
        self._reshape = reshape
        self._query = with_parameters(statement(query), parameter)

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        """Ask the planner how many rows it expects."""
        plan = self._asked(f"EXPLAIN (FORMAT JSON)\n{self._query}", partition)
        return Expected(rows=int(plan[0]["Plan"]["Plan Rows"]), told_by="EXPLAIN")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        query = f"SELECT EXISTS (SELECT FROM (\n{self._query}) AS source)"  # noqa: S608
        return bool(self._asked(query, partition))

    def _asked(self, query: str, partition: Partition) -> Any:
        try:
            with refusals_of_the_database(), self._connection.cursor() as cursor:
                begin(self._connection, partition, None)
                cursor.execute(query)
                return cursor.fetchone()[0]
        finally:
            self._connection.rollback()

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        record = pipeline.settings.record
        with refusals_of_the_database(), self._connection.cursor() as cursor:
            read_at = begin(self._connection, partition, self._part)
            columns = described(cursor, self._query)
        self._check(columns, pipeline)
        spelling = Spelling(
            to=record.format if self._reshape is unchanged else "values",
            policies=record.policies,
            server_version=self._connection.server_version,
        )
        copied = self._copied(self._statement(columns, record, spelling))
        if self._reshape is unchanged:
            lines = _lines(copied, columns, record)
        else:
            table = Table(columns=columns, rows=values(copied, columns))
            lines = encoded(self._reshape(table), pipeline)
        return replace(lines, part=self._part, read_at=read_at)

    def _check(self, columns: tuple[TypedColumn, ...], pipeline: Pipeline) -> None:
        record = pipeline.settings.record
        if self._reshape is unchanged:
            check(columns, pipeline)
        names = [column.name for column in columns]
        for name in names:
            if names.count(name) > 1:
                raise SourceError(f"The query has the column {name} twice")
        check_types(columns, record, reshaped=self._reshape is not unchanged)
        for column in columns:
            if self._part is not None and column.name == record.id[0]:
                self._part.check_kind(column.name, column.kind)

    def _statement(self, columns: Sequence[TypedColumn], record: Record, spelling: Spelling) -> str:
        """Write the COPY statement; rows come by their ids, so equal ids are neighbours."""
        types = {column.name: column.type_name for column in columns}
        missing = [name for name in record.id if name not in types]
        if missing:
            raise SourceError(f"The query has no column {', '.join(missing)}, which is an id")
        keys = [sort_key(name, types[name]) for name in record.id]
        of_ids = replace(spelling, policies=Policies())  # an id is never changed
        expressions = ", ".join(
            (of_ids if name in record.id else spelling).expression(quoted(name), type_name)
            for name, type_name in types.items()
        )
        kept = "" if self._part is None else f" WHERE {condition(self._part, keys[0])}"
        return (
            f"COPY (SELECT {expressions} FROM (\n{self._query}) AS source{kept}"  # noqa: S608
            f" ORDER BY {', '.join(keys)})"
            f" TO STDOUT ({_FORMATS[spelling.to]}, ENCODING 'UTF8')"
        )

    def _copied(self, copy: str) -> Generator[bytes]:
        try:
            # Closed here, since the thread behind the stream must be gone before the connection is.
            with refusals_of_the_database(), closing(stream(self._connection, copy)) as blocks:
                yield from blocks
        finally:
            if not self._connection.closed:  # as where the database ended it
                self._connection.rollback()  # the snapshot holds the database up no longer


def _lines(blocks: Generator[bytes], columns: tuple[TypedColumn, ...], record: Record) -> Lines:
    refusals = Refusals(columns=columns, id_count=len(record.id), policies=record.policies)
    prove = checked if record.format == "csv" else json_lines

    def proven() -> Generator[bytes]:
        with closing(blocks):
            yield from prove(blocks, refusals)

    return Lines(columns=columns, final_columns=lambda: columns, blocks=proven())
