"""A source of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import override

from batch_transform.scoring.kinds import Column, Row
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.sources.protocol import Expected, Lines, Source, Table, encoded
from batch_transform.scoring.sources.slices import Slice, checked


class RowsSource(Source):
    """The same rows for every partition."""

    def __init__(
        self, columns: Sequence[str], rows: Sequence[Sequence[Any]], part: Slice | None = None
    ) -> None:
        """Serve all rows, or those of a slice by their first column."""
        self._columns = columns
        self._rows = rows
        self._part = part

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        return Expected(rows=len(self._rows), told_by="a list")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        return bool(self._rows)

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        columns = tuple(Column(name=name) for name in self._columns)
        table = Table(columns=columns, rows=self._sliced())
        return replace(encoded(table, pipeline), part=self._part)

    def _sliced(self) -> Iterator[Row]:
        if self._part is None:
            return iter(self._rows)
        rows = checked(self._rows, self._part, self._columns[0], 0)
        return (row for row in rows if self._part.has(row[0]))
