"""Proves blocks of PostgreSQL's CSV to be records; they are passed on as they are.

One regular expression reads a block without a step in Python for each line. Only where it stops,
or a screen finds what may be an unwritable value, is a block taken apart.
https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-CSV-FORMAT
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from batch_transform.scoring.records.csvfields import csv_fields
from batch_transform.scoring.records.unwritable import LINE_BREAK
from batch_transform.scoring.sources.postgres.refusals import Refusals

_QUOTED = rb'"(?:[^"\r\n]|"")*+"'
_ID = rb'(?:[^",\n]++|' + _QUOTED + rb"),"


def checked(blocks: Iterable[bytes], refusals: Refusals) -> Iterator[bytes]:
    """Pass blocks of CSV lines on that are records with ids in order.

    Raises:
        SourceError: an id is NULL or comes twice, or a value cannot be written.
    """
    ids = b"(" + _ID * refusals.id_count + b")"
    rest = rb'[^"\n]*+(?:"[^"\r\n]*+"[^"\n]*+)*+\n'
    lines = re.compile(b"(?:" + ids + rest + rb"(?!\1))*+")
    first = re.compile(ids)
    before = b""
    for block in blocks:
        match = lines.match(block)
        if match is None or match.end() != len(block):
            _refuse(block[match.end() if match else 0 :], first, refusals)
        if before and block.startswith(before):
            raise refusals.doubled(_fields(block)[: refusals.id_count])
        if refusals.suspects(block):
            for line in block.decode().split("\n")[:-1]:
                refusals.look_at(csv_fields(line))
        last = first.match(block, block.rfind(b"\n", 0, -1) + 1)
        before = last[0] if last else b""
        yield block


def _refuse(block: bytes, ids: re.Pattern[bytes], refusals: Refusals) -> None:
    """Raise what is wrong with the first line of a block."""
    row = _fields(block)
    for number, field in enumerate(row):
        if "\n" in field or "\r" in field:
            raise refusals.refusal(row, number, LINE_BREAK)
    if not ids.match(block):  # a reader of CSV cannot tell an empty text from NULL; this can
        refusals.look_for_null([field or None for field in row])
    raise refusals.doubled(row[: refusals.id_count])


def _fields(block: bytes) -> list[str]:
    return csv_fields(block.decode(errors="replace"))
