"""Rows of any SQL database that SQLAlchemy has a dialect for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    CursorResult,
    Engine,
    Select,
    and_,
    bindparam,
    column,
    or_,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType
from typing_extensions import override

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, Row
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipeline.query import for_sqlalchemy, statement
from batch_transform.scoring.records.encoder import CHUNK_ROWS
from batch_transform.scoring.sources.dialects import bound_values, explained, set_timezone
from batch_transform.scoring.sources.protocol import (
    Expected,
    Lines,
    Source,
    Table,
    TableFunction,
    encoded,
    unchanged,
)
from batch_transform.scoring.sources.slices import Slice, checked

# What drivers raise for a value that Python's types do not hold.
_STREAMING = {"stream_results": True, "yield_per": CHUNK_ROWS}
_UNREADABLE = (ValueError, TypeError, ArithmeticError, NotImplementedError)
_REJECTED = (
    "The database rejected the query for {}. Integer ids need extract.slices or integers as"
    " extract.ranges, text ids texts as extract.ranges. {}"
)


class SqlSource(Source):
    """A query with the parameters of ``pipeline/query.py``.

    One statement sees one snapshot; rows stream through a server-side cursor where the database
    has them, in the order of their ids.
    https://docs.sqlalchemy.org/en/21/core/connections.html#using-server-side-cursors-a-k-a-stream-results
    """

    def __init__(
        self,
        engine: Engine,
        query: str,
        part: Slice | None = None,
        reshape: TableFunction = unchanged,
    ) -> None:
        """Read with an engine, usually that of an Airflow SQL connection, and reshape the rows.

        Where there is a slice, only its rows are read; it is cut before they are reshaped.
        """
        self._engine = engine
        self._query = statement(query)
        self._part = part
        self._reshape = reshape

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        """Say nothing: databases other than PostgreSQL each have another way to ask."""
        return Expected(told_by="only PostgreSQL estimates them")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        source = text(f"(\n{for_sqlalchemy(self._query)}) source")
        query = select(text("1")).select_from(source).limit(1)
        with self._engine.connect() as connection, self._refusals():
            set_timezone(connection, partition.timezone, self._query)
            found = connection.execute(query, bound_values(connection, partition))
            return found.first() is not None

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        lines = encoded(self._reshape(self.read(partition, pipeline)), pipeline)
        return replace(lines, part=self._part)

    def read(self, partition: Partition, pipeline: Pipeline) -> Table:
        """Run the query for a partition."""
        connection = self._engine.connect()
        try:
            query = self._select(pipeline.settings.record.id)
            values = bound_values(connection, partition)
            with self._refusals():
                set_timezone(connection, partition.timezone, self._query)
                result = connection.execute(query, values, execution_options=_STREAMING)
        except BaseException:
            connection.close()
            raise

        def rows() -> Iterator[Row]:
            with closing(connection), closing(result):
                yield from self._rows(result)

        columns = tuple(Column(name=name) for name in result.keys())  # noqa: SIM118
        return Table(columns=columns, rows=self._checked(rows(), columns, pipeline))

    def _rows(self, result: CursorResult[Any]) -> Iterator[Row]:
        count, pending = 0, result.partitions(CHUNK_ROWS)
        while True:
            with self._refusals(count):
                some = next(pending, ())
            if not some:
                return
            yield from some
            count += len(some)

    def _checked(
        self, rows: Iterator[Row], columns: tuple[Column, ...], pipeline: Pipeline
    ) -> Iterator[Row]:
        names, name = [column.name for column in columns], pipeline.settings.record.id[0]
        if self._part is None or name not in names:
            return rows  # the contract refuses columns that are not the record's
        return checked(rows, self._part, name, names.index(name))

    def _select(self, id_names: list[str]) -> Select[Any]:
        source = text(f"(\n{for_sqlalchemy(self._query)}) source")
        query = select(text("*")).select_from(source).order_by(*map(column, id_names))
        return query if self._part is None else query.where(_condition(self._part, id_names[0]))

    @contextmanager
    def _refusals(self, count: int = 0) -> Iterator[None]:
        """Turn an error that the same query would bring again, after so many rows."""
        try:
            yield
        except _UNREADABLE as error:
            raise SourceError(
                f"A value in rows {count + 1} to {count + CHUNK_ROWS} of the query cannot be read"
                f" ({type(error).__name__}); cast its column in the query"
            ) from None
        except DBAPIError as error:
            ours = explained(error)
            if isinstance(ours, SourceError) and self._part is not None:
                ours = SourceError(_REJECTED.format(self._part.label, ours))
            raise ours from None


def _condition(part: Slice, name: str) -> ColumnElement[bool]:
    """Return the condition that a row is of a slice, for SQLAlchemy to spell in any dialect."""
    value: ColumnElement[Any] = column(name)
    if part.modulus is not None:
        modulus = _bound(part.modulus)
        value = (value % modulus + modulus) % modulus  # a remainder may be negative
    bounds = [value >= _bound(floor) for floor in part.floors]
    if part.ceiling is not None:
        bounds.append(value < _bound(part.ceiling))
    return and_(*bounds) if part.number else or_(*bounds, column(name).is_(None))


def _bound(value: int | str) -> BindParameter[Any]:
    # A text has no type, so that a database takes it for one of the column's.
    kind = NullType() if isinstance(value, str) else BigInteger()
    return bindparam(None, value, type_=kind, unique=True)
