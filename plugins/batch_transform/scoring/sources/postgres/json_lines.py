r"""Makes JSON Lines of PostgreSQL's text format.

Built by the database a JSON record takes three times as long as a row of text. So rows come as
text, each value already as JSON has it, texts in their quotes, and here the keys are put between.
What is left to escape is looked for in many rows at once: the escapes of the text format are
JSON's own, but for quotes, the vertical tab and rare control characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from batch_transform.scoring.records.lines import leads
from batch_transform.scoring.records.nested import nested_texts
from batch_transform.scoring.records.unwritable import Unwritable
from batch_transform.scoring.sources.literals import parsed_json
from batch_transform.scoring.sources.postgres.refusals import Refusals
from batch_transform.scoring.sources.postgres.text_format import fields_of, unescaped
from batch_transform.scoring.sources.postgres.types import MARK, STRINGS

NULL = "null"
_PART_BYTES = 1 << 15  # what is made of it stays in a core's cache: half the time of 1 MB
_ID = rb"(?!null\t)[^\t\n]*+\t"
_CONTROLS = bytes([*range(9), *range(11, 32)])  # all but a tab and a line feed
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f]")
_ESCAPE = re.compile(r"\\.")


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
            row = _first_row(block[match.end() if match else 0 :])
            refusals.look_for_null(row)
            raise refusals.doubled(row)
        if before and block.startswith(before):
            raise refusals.doubled(_first_row(block))
        if refusals.suspects(block):
            for line in block.decode().split("\n")[:-1]:
                refusals.look_at(_row(line))
        last = first.match(block, block.rfind(b"\n", 0, -1) + 1)
        before = last[0] if last else b""
        escapes = b"\\" in block and rb"\v" in block
        rare = escapes or len(block.translate(None, _CONTROLS)) != len(block)
        yield b"".join(converter.converted(part, rare=rare) for part in _parts(block))


class _Converter:
    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._leads = leads([column.name for column in refusals.columns])
        kinds = [column.kind for column in refusals.columns]
        self._width = len(kinds)
        self._strings = [number for number, kind in enumerate(kinds) if kind in STRINGS]
        self._nested = [number for number, kind in enumerate(kinds) if kind == "nested"]

    def converted(self, part: bytes, *, rare: bool) -> bytes:
        """Return some rows as JSON Lines; ``rare`` where they have a control character."""
        fields = fields_of(part)
        if rare or self._nested or self._has_inner_quotes(part, fields):
            for number in self._strings:
                column = _escaped("\t".join([*fields[number :: self._width], ""]))
                fields[number :: self._width] = column.split("\t")[:-1]
        for number in self._nested:
            self._spell_documents(fields, number)
        pieces = [""] * (2 * len(fields))
        pieces[::2] = self._leads * (len(fields) // self._width)
        pieces[1::2] = fields
        return ("".join(pieces).removeprefix("}\n") + "}\n").encode()

    def _has_inner_quotes(self, part: bytes, fields: list[str]) -> bool:
        """Tell whether there are more quotes than those around strings; none are nested."""
        columns = [fields[number :: self._width] for number in self._strings]
        strings = sum(len(column) - column.count(NULL) for column in columns)
        return part.count(b'"') > 2 * strings

    def _spell_documents(self, fields: list[str], number: int) -> None:
        for at in range(number, len(fields), self._width):
            text = unescaped(fields[at])
            try:
                fields[at] = self._document(text) if text.startswith(MARK) else text
            except Unwritable as problem:
                row = [_value(field) for field in fields[at - number : at + 1]]
                raise self._refusals.refusal(row, number, problem.hazard) from None

    def _document(self, text: str) -> str:
        """Spell a document that jsonb cannot hold."""
        value = parsed_json(text.removeprefix(MARK))
        (document,) = nested_texts([value], self._refusals.policies)
        return document


def _escaped(column: str) -> str:
    """Escape what is inside of strings in quotes, with a tab after each."""
    if r"\v" in column:
        column = _ESCAPE.sub(lambda match: r"\u000b" if match[0] == r"\v" else match[0], column)
    column = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", f"\t{column}")
    inner = column.replace('"', r"\"")
    return inner.replace('\t\\"', '\t"').replace('\\"\t', '"\t')[1:]


def _parts(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.rfind(b"\n", start, start + _PART_BYTES) + 1 or block.index(b"\n", start) + 1
        yield block[start:end]
        start = end


def _first_row(block: bytes) -> list[str | None]:
    return _row(block.partition(b"\n")[0].decode(errors="replace"))


def _row(line: str) -> list[str | None]:
    return [_value(field) for field in line.split("\t")]


def _value(field: str) -> str | None:
    """Return the value of a field, for a message."""
    if field == NULL:
        return None
    return unescaped(field[1:-1] if field.startswith('"') else field)
