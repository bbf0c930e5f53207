"""CSV files (RFC 4180): all is text, and NULL an empty field without quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from typing_extensions import override

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, Row
from batch_transform.scoring.records.encoder import chunks
from batch_transform.scoring.sources.files.opened import FileFormat, OpenedFile, Texts
from batch_transform.scoring.sources.files.text_lines import LARGEST_RECORD, text_lines
from batch_transform.scoring.sources.literals import literals

Fields = list[str | None]
_Numbered = Iterator[tuple[int, Fields]]


class CsvFormat(FileFormat):
    """Reads CSV; a column is text unless the contract knows it."""

    def __init__(self, texts: Texts) -> None:
        """Read so; without ``texts.columns`` each file's first row names its columns."""
        self._texts = texts

    @override
    def open(self, path: Path) -> OpenedFile | None:
        records = _records(text_lines(path), self._texts.delimiter)
        first = next(records, None)
        names = self._texts.columns
        if first is None:
            if names is None:
                raise SourceError("it is empty, and has not even the header of source.header")
            return None
        if names is None:
            names = [name or "" for name in first[1]]
        else:
            records = chain([first], records)
        kinds = self._texts.kinds
        columns = tuple(Column(name=name, kind=kinds.get(name, "text")) for name in names)

        def rows(picked: Sequence[str]) -> Iterator[Row]:
            return self._rows(records, columns, picked)

        return OpenedFile(columns=columns, rows=rows, seen=set(names))

    def _rows(
        self, records: _Numbered, columns: Sequence[Column], picked: Sequence[str]
    ) -> Iterator[Row]:
        names = [column.name for column in columns]
        places = [names.index(name) for name in picked]
        for chunk in chunks(_of_width(records, len(names))):
            fields = list(zip(*chunk, strict=True))
            read = [literals(fields[at], columns[at].kind or "text") for at in places]
            yield from zip(*read, strict=True)


def _of_width(records: _Numbered, width: int) -> Iterator[Fields]:
    for number, fields in records:
        if len(fields) != width:
            raise SourceError(
                f"record {number} has {len(fields)} fields where there are {width} columns; are"
                " source.header and source.delimiter right?"
            )
        yield fields


def _records(lines: Iterator[str], delimiter: str) -> _Numbered:
    """Take lines for records, numbered from 1; empty lines are none."""
    between = re.escape(delimiter)
    field = rf'"[^"]*+(?:""[^"]*+)*+"|[^"{between}]*+'
    whole = re.compile(f"(?:{field})(?:{between}(?:{field}))*+")
    fields = re.compile(rf"(?:\A|{between})({field})")
    number = 0
    for line in lines:
        text = line if line.count('"') % 2 == 0 else _closed(line, lines, number + 1)
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            continue
        number += 1
        if '"' not in text:
            yield number, [part or None for part in text.split(delimiter)]
        elif whole.fullmatch(text):
            yield number, [_value(part) for part in fields.findall(text)]
        else:
            raise SourceError(
                f"record {number} has a quote that neither begins nor ends a field; CSV (RFC 4180)"
                " has quotes around a field, and two in the place of one inside"
            )


def _value(field: str) -> str | None:
    if not field.startswith('"'):
        return field or None
    return field[1:-1].replace('""', '"')


def _closed(line: str, lines: Iterator[str], number: int) -> str:
    """Join lines until every quote is closed."""
    parts, size, quotes = [line], len(line), line.count('"')
    while quotes % 2:
        following = next(lines, "")
        size += len(following)
        if not following or size > LARGEST_RECORD:
            raise SourceError(f"record {number} has a quote that is never closed")
        parts.append(following)
        quotes += following.count('"')
    return "".join(parts)
