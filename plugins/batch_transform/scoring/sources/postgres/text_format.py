r"""PostgreSQL's text format: a line feed ends a row and a tab a field, always.

Those inside of values come escaped.
https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-TEXT-FORMAT
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\(.)")
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def fields_of(block: bytes) -> list[str]:
    """Return the fields of whole lines, row after row, still escaped."""
    fields = block.decode().replace("\n", "\t").split("\t")
    fields.pop()
    return fields


def unescaped(text: str) -> str:
    """Return the text of a field that is not NULL."""
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda match: _PLAIN.get(match[1], match[1]), text)
