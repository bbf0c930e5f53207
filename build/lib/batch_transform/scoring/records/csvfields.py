"""The fields of one CSV record; Python's own reader has a limit on their size, for the process."""

from __future__ import annotations

import re

_FIELD = re.compile(r'(?:"((?:[^"]|"")*+)"|([^",\n]*+))(,|\n|\Z)')


def csv_fields(text: str, count: int | None = None) -> list[str]:
    """Return the fields of the record with which a text begins, at most ``count``.

    A quoted field that does not end before the text does is the last, as far as it goes.
    """
    fields: list[str] = []
    start = 0
    while count is None or len(fields) < count:
        match = _FIELD.match(text, start)
        if match is None:
            fields.append(text[start + 1 :])
            break
        fields.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        start = match.end()
        if match[3] != ",":
            break
    return fields
