r"""Makes JSON Lines of PostgreSQL's text format.

Built by the database a JSON record takes three times as long as a row of text, so rows come as
text and are made JSON here, a block at a time. In the text format a line feed ends a row and a tab
a field, always, since those inside of values come escaped; and its escapes are nearly JSON's own.
https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-TEXT-FORMAT
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.records.lines import leads
from batch_transform.scoring.sources.postgres.refusals import Refusals, suspicious

_NULL = r"\N"
_PART_BYTES = 1 << 15  # what is made of it stays in a core's cache: half the time of 1 MB
_STRINGS: frozenset[Kind] = frozenset({"text", "date", "timestamp"})
_ID = rb"(?!\\N\t)[^\t\n]*+\t"
_CONTROLS = bytes([*range(9), *range(11, 32)])
_TO_ESCAPE = re.compile(r'\\.|["\x00-\x1f]')
_ESCAPED = re.compile(r"\\(.)")
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def json_lines(blocks: Iterable[bytes], refusals: Refusals) -> Iterator[bytes]:
    """Turn blocks of the text format into blocks of JSON Lines whose ids are in order.

    Raises:
        SourceError: an id is NULL or comes twice, or a value cannot be written.
    """
    ids = b"(" + _ID * refusals.id_count + b")"
    lines = re.compile(b"(?:" + ids + rb"[^\n]*+\n(?!\1))*+")
    first = re.compile(ids)
    to_json = _Converter(refusals.columns)
    before = b""
    for block in blocks:
        match = lines.match(block)
        if match is None or match.end() != len(block):
            row = _plain_row(block[match.end() if match else 0 :])
            refusals.look_for_null(row, _NULL)
            raise refusals.doubled(row)
        if before and block.startswith(before):
            raise refusals.doubled(_plain_row(block))
        if suspicious(block, refusals):
            for line in block.decode().split("\n")[:-1]:
                refusals.look_at(line.split("\t"))
        last = first.match(block, block.rfind(b"\n", 0, -1) + 1)
        before = last[0] if last else b""
        yield b"".join(map(to_json.convert, _parts(block)))


class _Converter:
    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._names = [column.name for column in columns]
        self._kinds = [column.kind for column in columns]
        self._strings = frozenset(n for n, kind in enumerate(self._kinds) if kind in _STRINGS)
        self._between: dict[frozenset[int], list[str]] = {}

    def convert(self, block: bytes) -> bytes:
        # No value ever has a NUL, so that it can stand for NULL.
        marked = block.replace(rb"\N", b"\0") if b"\\" in block else block
        if not self._is_simple(block, marked):
            return self._converted(block)
        if marked is block:
            return self._assembled(_split(block), self._strings).encode()
        fields = _split(marked)
        quoted = self._strings - self._quote_beside_nulls(fields)
        return self._assembled(fields, quoted).replace("\0", "null").encode()

    def _converted(self, block: bytes) -> bytes:
        fields = _split(block)
        width = len(self._kinds)
        for number, kind in enumerate(self._kinds):
            convert = _string if kind in _STRINGS else _nested if kind == "nested" else _scalar
            fields[number::width] = map(convert, fields[number::width])
        return self._assembled(fields, frozenset()).encode()

    def _is_simple(self, block: bytes, marked: bytes) -> bool:
        return (
            "nested" not in self._kinds
            and b'"' not in block
            and len(block.translate(None, _CONTROLS)) == len(block)
            and b"\\" not in marked
        )

    def _quote_beside_nulls(self, fields: list[str]) -> set[int]:
        """Quote the texts of columns that have a NULL; return which columns those are."""
        width = len(self._kinds)
        done = set()
        for number in self._strings:
            texts = fields[number::width]
            if "\0" in texts:
                fields[number::width] = [t if t == "\0" else f'"{t}"' for t in texts]
                done.add(number)
        return done

    def _assembled(self, fields: list[str], quoted: frozenset[int]) -> str:
        between = self._between.get(quoted) or self._between.setdefault(
            quoted, self._leads_with_quotes(quoted)
        )
        width = len(self._kinds)
        count = len(fields) // width
        pieces = [""] * (2 * len(fields))
        for number in range(width):
            pieces[2 * number :: 2 * width] = [between[number]] * count
        pieces[1::2] = fields
        return ("".join(pieces) + between[-1]).removeprefix(between[-1])

    def _leads_with_quotes(self, quoted: frozenset[int]) -> list[str]:
        """Return what stands before each value, and after the last, with the quotes of strings."""
        quotes = ['"' if number in quoted else "" for number in range(len(self._names))]
        parts = zip([quotes[-1], *quotes[:-1]], leads(self._names), quotes, strict=True)
        return [*(end + lead + quote for end, lead, quote in parts), quotes[-1] + "}\n"]


def _split(block: bytes) -> list[str]:
    fields = block.decode().replace("\n", "\t").split("\t")
    fields.pop()
    return fields


def _parts(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.rfind(b"\n", start, start + _PART_BYTES) + 1 or block.index(b"\n", start) + 1
        yield block[start:end]
        start = end


def _scalar(text: str) -> str:
    return "null" if text == _NULL else text


def _string(text: str) -> str:
    if text == _NULL:
        return "null"
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found == '"':
        return r"\""
    if found == r"\v":
        return r"\u000b"
    return found if found[0] == "\\" else f"\\u{ord(found):04x}"


def _nested(text: str) -> str:
    return "null" if text == _NULL else _plain(text)


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: _PLAIN.get(match[1], match[1]), text)


def _plain_row(block: bytes) -> list[str]:
    line = block.partition(b"\n")[0].decode(errors="replace")
    return [text if text == _NULL else _plain(text) for text in line.split("\t")]
