"""Rows of PostgreSQL's text format as values of Python, for ``reshape.py``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from batch_transform.scoring.kinds import Kind, Row
from batch_transform.scoring.records.unwritable import FAR, UnreadableValue
from batch_transform.scoring.sources.literals import nearest_float, parsed_json
from batch_transform.scoring.sources.postgres.described import TypedColumn
from batch_transform.scoring.sources.postgres.text_format import fields_of, unescaped
from batch_transform.scoring.sources.postgres.types import FLOAT_ARRAYS, MARK, NUMBER_ARRAYS

NULL = r"\N"


def values(blocks: Generator[bytes], columns: Sequence[TypedColumn]) -> Iterator[Row]:
    """Read blocks of whole lines as rows."""
    with closing(blocks):
        for block in blocks:
            fields = fields_of(block)
            read = [
                _column(fields[number :: len(columns)], column)
                for number, column in enumerate(columns)
            ]
            yield from zip(*read, strict=True)


def _column(texts: list[str], column: TypedColumn) -> list[Any]:
    read = _ARRAYS.get(column.type_name) or _READERS[column.kind or "text"]
    return [None if text == NULL else read(text) for text in texts]


def _date(text: str) -> date | UnreadableValue:
    return FAR if text == MARK else date.fromisoformat(text)


def _timestamp(text: str) -> datetime | UnreadableValue:
    return FAR if text == MARK else datetime.fromisoformat(text)


def _document(text: str) -> Any:
    return parsed_json(unescaped(text).removeprefix(MARK))


def _numbers(number: Callable[[Any], Any]) -> Callable[[str], Any]:
    """Return a reader of arrays whose numbers are JSON's, and NaN and infinities are texts."""

    def element(value: Any) -> Any:
        if isinstance(value, list):
            return [element(each) for each in value]
        return None if value is None else number(value)

    return lambda text: element(parsed_json(unescaped(text)))


def _float(value: int | Decimal | str) -> Any:
    return float(value) if isinstance(value, str) else nearest_float(Decimal(value))


_ARRAYS = {
    **dict.fromkeys(NUMBER_ARRAYS, _numbers(Decimal)),
    **dict.fromkeys(FLOAT_ARRAYS, _numbers(_float)),
}
_READERS: dict[Kind, Callable[[str], Any]] = {
    "integer": int,
    "decimal": Decimal,
    "float": float,
    "boolean": "true".__eq__,
    "text": unescaped,
    "date": _date,
    "timestamp": _timestamp,
    "nested": _document,
}
