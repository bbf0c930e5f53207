"""What is refused of a row that PostgreSQL has written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.pipeline import Policies
from batch_transform.scoring.records.unwritable import FAR, INFINITY, NAN, Hazard
from batch_transform.scoring.sources.postgres.types import MARK

_NUMBERS: frozenset[Kind] = frozenset({"float", "decimal"})
_MARKED: frozenset[Kind] = frozenset({"date", "timestamp", "nested"})
_UNWRITABLE = {"NaN": NAN, "Infinity": INFINITY, "-Infinity": INFINITY}
_NOT_FINITE = Hazard(
    "a nested value with NaN or an infinity; replace it in the query or in reshape.py, or set"
    " record.policies.nan and record.policies.infinity"
)

Texts = Sequence[str | None]


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Words for what is wrong with a row.

    Attributes:
        columns: the columns, ids first.
        id_count: how many of them are ids.
        policies: of the records.
    """

    columns: tuple[Column, ...]
    id_count: int
    policies: Policies

    def suspects(self, block: bytes) -> bool:
        """Tell quickly whether a block may have an unwritable value: false is certain."""
        kinds = {column.kind for column in self.columns}
        if kinds & _NUMBERS and (b"NaN" in block or b"Infinity" in block):
            return True
        return bool(kinds & _MARKED) and MARK.encode() in block

    def look_at(self, row: Texts) -> None:
        """Refuse a row with a number that is not finite, or with a mark.

        Raises:
            SourceError: it has one.
        """
        for number, (column, text) in enumerate(zip(self.columns, row, strict=True)):
            if column.kind in _NUMBERS and text in _UNWRITABLE:
                raise self.refusal(row, number, _UNWRITABLE[text])
            if column.kind in _MARKED and text == MARK:
                raise self.refusal(row, number, _NOT_FINITE if column.kind == "nested" else FAR)

    def look_for_null(self, row: Texts) -> None:
        """Refuse a row whose id is NULL.

        Raises:
            SourceError: it is.
        """
        for column, text in zip(self.columns[: self.id_count], row, strict=False):
            if text is None:
                raise SourceError(
                    f"The id column {column.name} holds NULL; an id is an integer or a text, and"
                    " never NULL"
                )

    def refusal(self, row: Texts, number: int, hazard: Hazard) -> SourceError:
        """Say that a column of a row cannot be written, and name the row by its id."""
        words = hazard.words(of_id=number < self.id_count)
        return SourceError(
            f"Row {self._identity(row)}: column {self.columns[number].name} holds {words}"
        )

    def doubled(self, identity: Texts) -> SourceError:
        """Say that an id comes twice."""
        return SourceError(
            f"Two rows have the same {self._identity(identity)}; an id names one row"
        )

    def _identity(self, row: Texts) -> str:
        return ", ".join(
            f"{column.name}={text if column.kind == 'integer' else repr(text)}"
            for column, text in zip(self.columns[: self.id_count], row, strict=False)
        )
