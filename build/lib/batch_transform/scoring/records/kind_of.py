"""Which kind the Python values of a column are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.records.unwritable import Unreadable, Unwritable

_KINDS: dict[type, Kind] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    Decimal: "decimal",
    str: "text",
    UUID: "text",
    datetime: "timestamp",
    date: "date",
    list: "nested",
    tuple: "nested",
    dict: "nested",
}


def kind_of(values: Sequence[Any], declared: Kind | None) -> Kind | None:
    """Return the kind of a column's values; ``declared`` where all are None.

    Raises:
        Unwritable: a value is of no kind, or of another one than declared or than those before it.
    """
    kind = declared
    for found in dict.fromkeys(map(type, values)):
        if found is type(None):
            continue
        its_kind = kind_of_type(found)
        if its_kind is None:
            raise _unknown(values, found)
        if kind is not None and its_kind != kind:
            raise Unwritable(
                _first(values, found),
                f"a value of kind {its_kind} where the column is {kind}; cast it in the query or"
                " in reshape.py",
            )
        kind = its_kind
    return kind


def _unknown(values: Sequence[Any], found: type) -> Unwritable:
    position = _first(values, found)
    value = values[position]
    if isinstance(value, Unreadable):
        return Unwritable(position, value.what)
    return Unwritable(
        position, f"a value of type {found.__name__}; cast it in the query or in reshape.py"
    )


def kind_of_type(found: type) -> Kind | None:
    """Return the kind of a type's values; None where it has none."""
    return next((_KINDS[parent] for parent in found.__mro__ if parent in _KINDS), None)


def _first(values: Sequence[Any], found: type) -> int:
    return next(position for position, value in enumerate(values) if type(value) is found)
