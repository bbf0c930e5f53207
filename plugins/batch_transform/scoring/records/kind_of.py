"""Which kind the Python values of a column are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.records.unwritable import Hazard, UnreadableValue, Unwritable

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
    for value_type in dict.fromkeys(map(type, values)):
        if value_type is type(None):
            continue
        kind_here = kind_of_type(value_type)
        if kind_here is None:
            raise _unknown(values, value_type)
        if kind is not None and kind_here != kind:
            hazard = Hazard(
                f"a value of kind {kind_here} where the column is {kind}; cast it in the query or"
                " in reshape.py"
            )
            raise Unwritable(_first(values, value_type), hazard)
        kind = kind_here
    return kind


def _unknown(values: Sequence[Any], value_type: type) -> Unwritable:
    position = _first(values, value_type)
    value = values[position]
    if isinstance(value, UnreadableValue):
        return Unwritable(position, value)
    what = f"a value of type {value_type.__name__}; cast it in the query or in reshape.py"
    return Unwritable(position, Hazard(what))


def kind_of_type(value_type: type) -> Kind | None:
    """Return the kind of a type's values; None where it has none."""
    return next((_KINDS[parent] for parent in value_type.__mro__ if parent in _KINDS), None)


def _first(values: Sequence[Any], value_type: type) -> int:
    return next(position for position, value in enumerate(values) if type(value) is value_type)
