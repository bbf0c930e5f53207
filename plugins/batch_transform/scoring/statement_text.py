"""Names and values as the text of a statement: parameters are no names, nor are NULL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StatementText:
    """How one database wants to have names and values written.

    Attributes:
        literal: writes a text.
        moment: writes a moment, of its date and time in UTC: ``CAST('{}+00' AS timestamptz)``.
        fold: what a name that is not quoted becomes; names are quoted as that.
    """

    literal: Callable[[str], str]
    moment: str
    fold: Callable[[str], str] = str

    def quoted(self, name: str) -> str:
        """Quote one name."""
        return '"' + self.fold(name).replace('"', '""') + '"'

    def identifier(self, name: str) -> str:
        """Quote ``table`` or ``schema.table``."""
        return ".".join(map(self.quoted, name.split(".")))

    def listed(self, names: Iterable[str]) -> str:
        """Quote names and put commas between them."""
        return ", ".join(map(self.quoted, names))

    def spelt(self, value: Any) -> str:
        """Spell a value: a text, a number, a date, a moment, NULL, or what becomes JSON."""
        if value is None:
            return "NULL"
        if isinstance(value, datetime):
            moment = value.astimezone(UTC)
            text = f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{moment:%f}" if moment.microsecond else "")
            return self.moment.format(text)
        if isinstance(value, date):
            return f"CAST('{value.isoformat()}' AS date)"
        if isinstance(value, int | float):
            return repr(value)
        return self.literal(value if isinstance(value, str) else json.dumps(value))
