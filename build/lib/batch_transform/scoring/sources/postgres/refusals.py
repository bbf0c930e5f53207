"""What is refused of a row that PostgreSQL has written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.records.unwritable import FAR, INFINITY, NAN
from batch_transform.scoring.sources.postgres.types import MARK

_NUMBERS: frozenset[Kind] = frozenset({"float", "decimal"})
_MARKED: frozenset[Kind] = frozenset({"date", "timestamp", "nested"})
_UNWRITABLE = {"NaN": NAN, "Infinity": INFINITY, "-Infinity": INFINITY}


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Words for what is wrong with a row.

    Attributes:
        columns: the columns, ids first.
        id_count: how many of them are ids.
    """

    columns: tuple[Column, ...]
    id_count: int

    @property
    def has_numbers(self) -> bool:
        """Whether a column could hold NaN or infinity."""
        return any(column.kind in _NUMBERS for column in self.columns)

    @property
    def has_marks(self) -> bool:
        """Whether a column could hold the mark of an unwritable value."""
        return any(column.kind in _MARKED for column in self.columns)

    def look_at(self, row: Sequence[str]) -> None:
        """Refuse a row with a number that is not finite, or with a mark.

        Raises:
            SourceError: it has one.
        """
        for number, (column, text) in enumerate(zip(self.columns, row, strict=True)):
            if column.kind in _NUMBERS and text in _UNWRITABLE:
                raise self.refusal(row, number, _UNWRITABLE[text])
            if column.kind in _MARKED and text == MARK:
                nested = "a nested value with NaN or an infinity; replace it in the query"
                raise self.refusal(row, number, nested if column.kind == "nested" else FAR)

    def look_for_null(self, row: Sequence[str], null: str) -> None:
        """Refuse a row whose id is NULL.

        Raises:
            SourceError: it is.
        """
        for column, text in zip(self.columns[: self.id_count], row, strict=False):
            if text == null:
                raise SourceError(
                    f"The id column {column.name} holds NULL; an id is an integer or a text, and"
                    " never NULL"
                )

    def refusal(self, row: Sequence[str], number: int, what: str) -> SourceError:
        """Say that a column of a row cannot be written, and name the row by its id."""
        return SourceError(
            f"Row {self._identity(row)}: column {self.columns[number].name} holds {what}"
        )

    def doubled(self, identity: Sequence[str]) -> SourceError:
        """Say that an id comes twice."""
        return SourceError(
            f"Two rows have the same {self._identity(identity)}; an id names one row"
        )

    def _identity(self, row: Sequence[str]) -> str:
        return ", ".join(
            f"{column.name}={text if column.kind == 'integer' else repr(text)}"
            for column, text in zip(self.columns[: self.id_count], row, strict=False)
        )


def suspicious(block: bytes, refusals: Refusals) -> bool:
    """Tell quickly whether a block may have an unwritable value: false is certain."""
    if refusals.has_numbers and (b"NaN" in block or b"Infinity" in block):
        return True
    return refusals.has_marks and MARK.encode() in block
