"""The kinds of values a record may hold, whatever database or file they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Kind = Literal["integer", "decimal", "float", "boolean", "text", "date", "timestamp", "nested"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ID_KINDS: frozenset[Kind] = frozenset({"integer", "text"})

Row = Sequence[Any]
RecordId = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a source.

    Attributes:
        name: its name.
        kind: what its values are; None where the source does not say and no value has shown it.
        source_type: what the source calls the type, for messages; empty where it has no name.
    """

    name: str
    kind: Kind | None = None
    source_type: str = ""
