"""Names and values as the text of Redshift's statements: parameters are no names, nor are NULL."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from batch_transform.scoring.queries import literal


def quoted(name: str) -> str:
    """Quote one name."""
    return '"' + name.replace('"', '""') + '"'


def identifier(name: str) -> str:
    """Quote ``table`` or ``schema.table``."""
    return ".".join(map(quoted, name.split(".")))


def listed(names: Iterable[str]) -> str:
    """Quote names and put commas between them."""
    return ", ".join(map(quoted, names))


def spelt(value: Any) -> str:
    """Spell a value: a text, a number, a date, a moment, NULL, or what becomes JSON."""
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        text = f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{moment:%f}" if moment.microsecond else "")
        return f"CAST('{text}+00' AS timestamptz)"
    if isinstance(value, date):
        return f"CAST('{value.isoformat()}' AS date)"
    if isinstance(value, int | float):
        return repr(value)
    return _text(value if isinstance(value, str) else json.dumps(value))


def _text(value: str) -> str:
    # In a literal of Redshift a backslash may escape what follows it.
    return " || chr(92) || ".join(literal(piece) for piece in value.split("\\"))
