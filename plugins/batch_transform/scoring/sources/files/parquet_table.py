"""Parquet files as one table: its rows in the order of their ids, whatever files they are in.

So the same rows give the same records, however many files an engine has made of them, and in
whatever order it wrote them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, Row
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipeline.contract import check
from batch_transform.scoring.queries import literal, queries
from batch_transform.scoring.records.encoder import RowEncoder
from batch_transform.scoring.sources.files.carriers import (
    Carrier,
    Misfit,
    carrier,
    passing,
    taken,
)
from batch_transform.scoring.sources.files.neighbours import Neighbours
from batch_transform.scoring.sources.files.parquet_format import ParquetFile, open_parquet
from batch_transform.scoring.sources.files.picked import (
    check_picked,
    named,
    picked,
)
from batch_transform.scoring.sources.files.sorting import ordered
from batch_transform.scoring.sources.files.spelling import joined, spelled
from batch_transform.scoring.sources.protocol import Lines, Table
from batch_transform.scoring.sources.slices import Slice

_SQL = Path(__file__).parent / "queries.sql"
_AS_THEY_COME = "row_number() OVER ()"

Downloaded = Generator[tuple[S3Uri, Path]]


@dataclass(frozen=True, kw_only=True)
class Lying:
    """How rows lie in files.

    Attributes:
        part: the slice to read; None for all rows.
        by_slice: whether the files have the rows of the slice alone.
        instants: columns whose timestamps have no zone, and are in UTC all the same.
    """

    part: Slice | None = None
    by_slice: bool = False
    instants: frozenset[str] = frozenset()

    def type_of(self, name: str, file: ParquetFile) -> Any:
        """Return the Arrow type by which a column is read."""
        arrow = file.types[name]
        return pa.timestamp(arrow.unit, "UTC") if name in self.instants else arrow


class ParquetTable:
    """The rows of Parquet files, or those of a slice, as records or as Python's values.

    Nothing is given before all files are read. So where a file turns out to hold what the types
    of those before it cannot, all are read once more, with types that hold both.
    """

    def __init__(self, files: Callable[[], Downloaded], pipeline: Pipeline, lying: Lying) -> None:
        """Read files, which each call of ``files`` puts on the worker's disk one by one."""
        self._files = files
        self._pipeline = pipeline
        self._lying = lying

    def lines(self) -> Lines:
        """Return the records."""
        record = self._pipeline.settings.record
        begun = self._begun()
        check(begun.columns, self._pipeline)
        encoder = RowEncoder(record, begun.columns)

        def blocks() -> Generator[bytes]:
            nonlocal begun, encoder
            while True:
                try:
                    for block in begun.blocks(encoder):
                        check(encoder.columns, self._pipeline)
                        yield block
                except Misfit as misfit:
                    begun = self._begun(misfit.carriers)
                    encoder = RowEncoder(record, begun.columns)
                else:
                    encoder.expect(self._pipeline.contract or ())
                    return

        return Lines(
            columns=encoder.columns, final_columns=lambda: encoder.columns, blocks=blocks()
        )

    def read(self) -> Table:
        """Return the rows, for ``reshape.py``."""
        begun = self._begun()

        def rows() -> Iterator[Row]:
            nonlocal begun
            while True:
                try:
                    yield from begun.rows()
                except Misfit as misfit:
                    begun = self._begun(misfit.carriers)
                else:
                    return

        return Table(columns=begun.columns, rows=rows())

    def _begun(self, carriers: Sequence[Carrier] = ()) -> _Reading:
        return _Reading(self._files(), self._pipeline, self._lying, carriers)


class _Reading:
    """One pass over the files, of which the first is open; none where there is none."""

    def __init__(
        self,
        files: Downloaded,
        pipeline: Pipeline,
        lying: Lying,
        carriers: Sequence[Carrier],
    ) -> None:
        self._pipeline = pipeline
        self._lying = lying
        self._part = lying.part
        self._parts = _opened(files)
        self._first = next(self._parts, None)
        if self._first is None:
            self.columns = picked((), pipeline)
            return
        uri, file = self._first
        columns = picked(file.columns, pipeline)
        with named(uri):
            check_picked(file.columns, columns, pipeline)
            self._names = [column.name for column in columns]
            self._carriers = tuple(carriers) or self._carriers_of(file)
            self.columns = tuple(map(_known, columns, self._carriers))
            self._check_ids()

    def blocks(self, encoder: RowEncoder) -> Iterator[bytes]:
        """Yield the records."""
        if self._first is None:
            return
        record = self._pipeline.settings.record
        parts = vars(spelled(self._carriers, record))
        query = queries(_SQL)["lines"].format(
            rows=self._rows_query(), columns=", ".join(self._kept()), **parts
        )
        neighbours = Neighbours(record.id)
        for batch in self._ordered(query):
            yield self._block(batch, encoder)
            neighbours.check([batch.column(f"c{key}") for key in self._keys()])

    def rows(self) -> Iterator[Row]:
        """Yield the rows as Python's values."""
        if self._first is None:
            return
        for batch in self._ordered(self._rows_query()):
            yield from self._values(batch)

    def _ordered(self, query: str) -> Iterator[Any]:
        with closing(ordered(query, passing(self._carriers), self._incoming())) as batches:
            for batch in batches:
                self._check_slice(batch)
                yield batch

    def _incoming(self) -> Iterator[Any]:
        for uri, file in chain([self._first] if self._first else [], self._parts):
            with named(uri):
                check_picked(file.columns, self.columns, self._pipeline)
                pairs = zip(self._carriers, self._carriers_of(file), strict=True)
                fitting = tuple(mine.with_other(other) for mine, other in pairs)
                if fitting != self._carriers:
                    raise Misfit(fitting)
                for batch in file.batches(self._names):
                    yield taken(batch, self._carriers)

    def _carriers_of(self, file: ParquetFile) -> tuple[Carrier, ...]:
        return tuple(carrier(self._lying.type_of(name, file)) for name in self._names)

    def _rows_query(self) -> str:
        """Write the statement of all rows, or of those of the slice where they lie together."""
        columns, mine = list(self._kept()), "true"
        keys = self._keys()
        if self._part is not None and keys:
            mine = _condition(self._part, keys[0], self._carriers[keys[0]])
        if self._by_slice:
            columns[-1], mine = f"NOT ({mine}) AS elsewhere", "true"
        order = ", ".join(f"c{key} NULLS FIRST" for key in keys) or _AS_THEY_COME
        return queries(_SQL)["rows"].format(columns=", ".join(columns), mine=mine, order=order)

    def _kept(self) -> list[str]:
        columns = [f"c{number}" for number in range(len(self._carriers))]
        return [*columns, "elsewhere"] if self._by_slice else columns

    @property
    def _by_slice(self) -> bool:
        """Whether the files of other slices lie elsewhere."""
        return self._part is not None and self._lying.by_slice

    def _keys(self) -> list[int]:
        """Return the places of the ids; none where the files lack one, or none can order it."""
        ids = self._pipeline.settings.record.id
        if not set(ids) <= set(self._names):
            return []
        keys = [self._names.index(name) for name in ids]
        return keys if all(self._carriers[key].orders_ids for key in keys) else []

    def _check_ids(self) -> None:
        """Check that there are ids by which slices are cut."""
        if self._part is None:
            return
        name = self._pipeline.settings.record.id[0]
        if name not in self._names:
            raise SourceError(f"it has no column {name}, the id by which slices are cut")
        column = self.columns[self._names.index(name)]
        self._part.check_kind(name, column.kind)
        if column.kind is None and self._carriers[self._names.index(name)].is_pickled:
            raise SourceError(
                f"The id column {name} is {column.source_type}, and slices cut only ids that are"
                " integers or texts"
            )

    def _check_slice(self, batch: Any) -> None:
        """Check that the files of a slice have its rows alone, since no other task reads them."""
        if not self._by_slice or self._part is None:
            return
        at = batch.column("elsewhere").index(True).as_py()
        if at >= 0:
            name = self._pipeline.settings.record.id[0]
            (row,) = self._values(batch.slice(at, 1))
            raise SourceError(
                f"The row with {name} = {row[self._names.index(name)]!r} is in the files of slice"
                f" {self._part.number}, which has the {self._part.label}; write each row where its"
                " id says, or leave {{ slice }} out of source.files"
            )

    def _block(self, batch: Any, encoder: RowEncoder) -> bytes:
        lines = batch.column("line")
        if not lines.null_count:
            return joined(lines)
        rare = list(self._values(batch.filter(lines.is_null())))
        encoded = encoder.encode(rare)
        if len(rare) == len(lines):
            return encoded
        others = iter(encoded.splitlines(keepends=True))
        texts = lines.to_pylist()
        return b"".join(next(others) if text is None else text.encode() for text in texts)

    def _values(self, batch: Any) -> Iterator[Row]:
        columns = [each.give(batch.column(f"c{n}")) for n, each in enumerate(self._carriers)]
        return zip(*columns, strict=True)


def _opened(files: Downloaded) -> Iterator[tuple[S3Uri, ParquetFile]]:
    for uri, path in files:
        with named(uri):
            file = open_parquet(path)
        yield uri, file


def _known(column: Column, carrier: Carrier) -> Column:
    """Return a column with the kind that a later file has shown."""
    kind = column.kind or carrier.kind
    return Column(name=column.name, kind=kind, source_type=column.source_type)


def _condition(part: Slice, key: int, carrier: Carrier) -> str:
    """Return the SQL that a row is of a slice; NULL is of the first."""
    value = f"c{key}"
    if part.modulus is not None:
        number = f"CAST({value} AS HUGEINT)" if carrier.is_unsigned else value
        value = f"(({number} % {part.modulus} + {part.modulus}) % {part.modulus})"  # never negative
    bounds = [f"{value} >= {_bound(floor)}" for floor in part.floors]
    if part.ceiling is not None:
        bounds.append(f"{value} < {_bound(part.ceiling)}")
    condition = " AND ".join(bounds)
    return condition if part.number else f"({condition} OR c{key} IS NULL)"


def _bound(value: int | str) -> str:
    return literal(value) if isinstance(value, str) else str(value)
