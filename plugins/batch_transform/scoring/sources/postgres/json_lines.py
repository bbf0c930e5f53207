r"""Makes JSON Lines of PostgreSQL's text format.

Built by the database a JSON record takes three times as long as a row of text, so rows come as
text and are made JSON here, a block at a time. The escapes of the text format are JSON's own, but
for a vertical tab and for control characters that it does not escape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.records.lines import leads
from batch_transform.scoring.records.nested import nested_texts
from batch_transform.scoring.records.unwritable import Unwritable
from batch_transform.scoring.sources.literals import parsed_json
from batch_transform.scoring.sources.postgres.refusals import Refusals
from batch_transform.scoring.sources.postgres.text_format import columns_of, first_row, unescaped
from batch_transform.scoring.sources.postgres.types import MARK

_STRINGS: frozenset[Kind] = frozenset({"text", "date", "timestamp"})
_ID = rb"(?!\\N\t)[^\t\n]*+\t"
_CONTROLS = bytes([*range(9), *range(11, 32)])
_TO_ESCAPE = re.compile(r'\\.|["\x00-\x1f]')


def json_lines(blocks: Iterable[bytes], refusals: Refusals) -> Iterator[bytes]:
    """Turn blocks of the text format into blocks of JSON Lines whose ids are in order.

    Raises:
        SourceError: an id is NULL or comes twice, or a value cannot be written.
    """
    ids = b"(" + _ID * refusals.id_count + b")"
    lines = re.compile(b"(?:" + ids + rb"[^\n]*+\n(?!\1))*+")
    first = re.compile(ids)
    converter = _Converter(refusals)
    before = b""
    for block in blocks:
        match = lines.match(block)
        if match is None or match.end() != len(block):
            row = first_row(block[match.end() if match else 0 :])
            refusals.look_for_null(row)
            raise refusals.doubled(row)
        if before and block.startswith(before):
            raise refusals.doubled(first_row(block))
        last = first.match(block, block.rfind(b"\n", 0, -1) + 1)
        before = last[0] if last else b""
        yield converter.converted(block)


class _Converter:
    """Spells columns a block at a time in Arrow, and in Python only those with a rare character."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._kinds = [column.kind for column in refusals.columns]
        begin, *others = leads([column.name for column in refusals.columns])
        self._leads = [begin.removeprefix("}\n"), *others]

    def converted(self, block: bytes) -> bytes:
        fields = columns_of(block, len(self._kinds))
        if self._refusals.suspects(block):
            for row in zip(*(column.to_pylist() for column in fields), strict=True):
                self._refusals.look_at(row)
        rare = rb"\v" in block or len(block.translate(None, _CONTROLS)) != len(block)
        for number, kind in enumerate(self._kinds):
            if kind in _STRINGS and (rare or b'"' in block):
                fields[number] = self._strings(fields[number], rare=rare)
            elif kind == "nested" and b"\\" in block:
                fields[number] = self._documents(number, fields, rare=rare)
        return self._joined(fields)

    def _strings(self, column: Any, *, rare: bool) -> Any:
        from pyarrow import compute

        if rare:
            return _each(_string, column)
        return compute.replace_substring(column, '"', r"\"")

    def _documents(self, number: int, fields: Sequence[Any], *, rare: bool) -> Any:
        from pyarrow import compute

        if not rare:  # jsonb escapes all but the backslash itself
            return compute.replace_substring(fields[number], r"\\", "\\")
        try:
            return _each(self._document, fields[number])
        except Unwritable as problem:
            row = [column[problem.position].as_py() for column in fields]
            raise self._refusals.refusal(row, number, problem.hazard) from None

    def _document(self, text: str) -> str:
        document = unescaped(text)
        if not document.startswith(MARK):
            return document
        (written,) = nested_texts([parsed_json(document[1:])], self._refusals.policies)
        return written

    def _joined(self, fields: Sequence[Any]) -> bytes:
        from pyarrow import compute

        pieces: list[Any] = []
        between = ""
        for lead, kind, column in zip(self._leads, self._kinds, fields, strict=True):
            quote = '"' if kind in _STRINGS else ""
            if quote and column.null_count:
                pieces += [between + lead, compute.binary_join_element_wise('"', column, '"', "")]
                quote = ""
            else:
                pieces += [between + lead + quote, column]
            between = quote
        lines = compute.binary_join_element_wise(
            *pieces, between + "}\n", "", null_handling="replace", null_replacement="null"
        )
        _, offsets, body = lines.buffers()
        return bytes(body[: memoryview(offsets).cast("i")[len(lines)]])


def _each(spell: Callable[[str], str], column: Any) -> Any:
    """Spell each value of a column that is not NULL.

    Raises:
        Unwritable: one cannot be; it knows which.
    """
    import pyarrow as pa

    spelt = []
    for position, text in enumerate(column.to_pylist()):
        try:
            spelt.append(None if text is None else spell(text))
        except Unwritable as problem:
            raise Unwritable(position, problem.hazard) from None
    return pa.array(spelt, pa.string())


def _string(text: str) -> str:
    return _TO_ESCAPE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character == '"':
        return r"\""
    if character == r"\v":
        return r"\u000b"
    return character if character[0] == "\\" else f"\\u{ord(character):04x}"
