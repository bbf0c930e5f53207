"""Source rows to records: lines of headerless CSV, or JSON objects on a line each.

Rows are taken in chunks and encoded column by column; see ``docs/types.md`` for what each kind of
value becomes. Each record ends with a line feed, the only one in it, in both formats.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import ID_KINDS, Column, Kind, Row
from batch_transform.scoring.pipeline.record import Policies, Record
from batch_transform.scoring.records.kind_of import kind_of
from batch_transform.scoring.records.lines import csv_column, csv_lines, json_column, json_lines
from batch_transform.scoring.records.unwritable import Unwritable

CHUNK_ROWS = 10_000
_UNCHANGED = Policies()  # of ids: what a policy changes could become another row's


def chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Group rows into lists of a size that is quick to encode and small to hold."""
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk


class RowEncoder:
    """Encodes chunks of rows; a column keeps the kind that its first value shows."""

    def __init__(self, record: Record, columns: Sequence[Column]) -> None:
        """Encode rows whose values are in the order of ``record.columns``."""
        self._record = record
        self._kinds: list[Kind | None] = [column.kind for column in columns]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, with the kinds known so far."""
        pairs = zip(self._record.columns, self._kinds, strict=True)
        return tuple(Column(name=name, kind=kind) for name, kind in pairs)

    def expect(self, columns: Sequence[Column]) -> None:
        """Take the kinds of columns in which no value has shown one."""
        for number, column in enumerate(columns):
            self._kinds[number] = self._kinds[number] or column.kind

    def learn(self, rows: Sequence[Row]) -> None:
        """Take the kinds of columns from rows.

        Raises:
            SourceError: values of a column are of no kind or of several.
        """
        for number, values in enumerate(zip(*rows, strict=True)):
            try:
                self._kinds[number] = kind_of(values, self._kinds[number])
            except Unwritable as problem:
                raise self._refusal(number, problem, rows) from None

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return the lines of a chunk, which has at least one row.

        Raises:
            SourceError: a value cannot be written; names the column and the row's id, never the
                value.
        """
        self.learn(rows)
        self._check_ids(rows)
        to_text = csv_column if self._record.format == "csv" else json_column
        texts = []
        for number, values in enumerate(zip(*rows, strict=True)):
            policies = _UNCHANGED if number < len(self._record.id) else self._record.policies
            try:
                texts.append(to_text(values, self._kinds[number], policies))
            except Unwritable as problem:
                raise self._refusal(number, problem, rows) from None
        if self._record.format == "csv":
            return csv_lines(texts)
        return json_lines(self._record.columns, texts)

    def _check_ids(self, rows: Sequence[Row]) -> None:
        for number, name in enumerate(self._record.id):
            kind = self._kinds[number]
            if kind not in ID_KINDS or any(row[number] is None for row in rows):
                held = "NULL" if kind is None or kind in ID_KINDS else kind
                raise SourceError(
                    f"The id column {name} holds {held}; an id is an integer or a text, and never"
                    " NULL"
                )

    def _refusal(self, number: int, problem: Unwritable, rows: Sequence[Row]) -> SourceError:
        row = rows[problem.position]
        identity = ", ".join(
            f"{name}={value!r}" for name, value in zip(self._record.id, row, strict=False)
        )
        words = problem.hazard.words(of_id=number < len(self._record.id))
        return SourceError(f"Row {identity}: column {self._record.columns[number]} holds {words}")
