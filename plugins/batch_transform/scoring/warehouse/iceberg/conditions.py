"""Conditions on the columns of an Iceberg table."""

from __future__ import annotations

from datetime import date

from pyiceberg.expressions import (
    And,
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    LessThan,
    Reference,
)
from pyiceberg.expressions.literals import literal


def equals(**values: str | int | date) -> BooleanExpression:
    """Return the condition that columns have these values."""
    return every(
        *(EqualTo(term=Reference(name), value=literal(_plain(v))) for name, v in values.items())
    )


def is_before(column: str, day: date) -> BooleanExpression:
    """Return the condition that a date comes before a day."""
    return LessThan(term=Reference(column), value=literal(_plain(day)))


def is_from(column: str, day: date) -> BooleanExpression:
    """Return the condition that a date is a day, or comes after it."""
    return GreaterThanOrEqual(term=Reference(column), value=literal(_plain(day)))


def every(first: BooleanExpression, *others: BooleanExpression) -> BooleanExpression:
    """Return the condition that all of some hold."""
    return And(first, every(*others)) if others else first


def _plain(value: str | int | date) -> str | int:
    return value.isoformat() if isinstance(value, date) else value
