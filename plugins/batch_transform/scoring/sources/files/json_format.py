"""JSON Lines files: an object on each line; a key that is not there is NULL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from typing_extensions import override

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Kind, Row
from batch_transform.scoring.records.encoder import chunks
from batch_transform.scoring.records.unwritable import UnreadableValue
from batch_transform.scoring.sources.files.opened import FileFormat, OpenedFile, Texts
from batch_transform.scoring.sources.files.text_lines import text_lines
from batch_transform.scoring.sources.literals import literals, nearest_float, parsed_json


class JsonLinesFormat(FileFormat):
    """Reads JSON Lines.

    JSON has one type for all numbers: those with a fraction or an exponent are floats, and a column
    may hold both as soon as the contract says which kind it is. Texts are read as what the
    contract says, too: JSON has no dates, and some write exact numbers as texts.
    """

    def __init__(self, texts: Texts) -> None:
        """Read so."""
        self._kinds = texts.kinds

    @override
    def open(self, path: Path) -> OpenedFile:
        seen: set[str] = set()

        def rows(names: Sequence[str]) -> Iterator[Row]:
            kinds = [self._kinds.get(name) for name in names]
            for chunk in chunks(_rows(path, names, seen)):
                columns = zip(kinds, zip(*chunk, strict=True), strict=True)
                read = [_values(values, kind) for kind, values in columns]
                yield from zip(*read, strict=True)

        return OpenedFile(columns=None, rows=rows, seen=seen)


def _rows(path: Path, names: Sequence[str], seen: set[str]) -> Iterator[Row]:
    unseen = set(names)
    for number, line in enumerate(text_lines(path), start=1):
        if line.isspace():
            continue
        record = _object(line, number)
        if unseen:
            seen.update(unseen & record.keys())
            unseen -= seen
        yield tuple(map(record.get, names))


def _object(line: str, number: int) -> Mapping[str, Any]:
    try:
        record = parsed_json(line)
    except (ValueError, ArithmeticError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise SourceError(f"line {number} is not a JSON object")
    return record


def _values(values: Sequence[Any], kind: Kind | None) -> Sequence[Any]:
    """Return a column's values as those of its kind, as far as each can be one."""
    types = set(map(type, values))
    if kind not in {None, "text"} and str in types:
        values = [
            literals([value], kind)[0] if isinstance(value, str) else value for value in values
        ]
    if kind == "decimal" and int in types:
        return [Decimal(v) if type(v) is int else v for v in values]
    if kind == "float" and int in types:
        values = [nearest_float(Decimal(v)) if type(v) is int else v for v in values]
    if kind != "decimal" and Decimal in types:
        return [_number(v, kind) if isinstance(v, Decimal) else v for v in values]
    return values


def _number(number: Decimal, kind: Kind | None) -> int | float | UnreadableValue:
    """Return the float that a number is, or the integer where it is a zero among integers."""
    if kind != "float" and number.is_zero() and number.as_tuple().exponent == 0:
        return 0
    return nearest_float(number)
