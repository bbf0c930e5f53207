"""The text of numbers, booleans and moments: the same in CSV and, but for quotes, in JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.pipeline.record import Policies
from batch_transform.scoring.records.unwritable import (
    FAR,
    INFINITY,
    NAIVE,
    NAN,
    TOO_LONG,
    Unwritable,
)

# From this power of ten on PostgreSQL writes an exponent, Python only from 1e16.
# https://github.com/postgres/postgres/blob/REL_18_STABLE/src/common/d2s.c
_EXPONENT_FROM = 1e15
# Between these a text of at most 17 digits may be as near to one float as to the next.
_HALFWAY_FROM, _HALFWAY_TO = 2**53, 1e40


def without_unwritable_numbers(values: Sequence[Any], policies: Policies) -> Sequence[Any]:
    """Return floats or decimals with NaN and infinity made None where the policy says so.

    Raises:
        Unwritable: there is one, and the policy is to refuse it.
    """
    # A sum is finite only where all of its parts are; overflow merely costs the closer look.
    if _all_finite(values):
        return values
    cleaned = list(values)
    for position, value in enumerate(values):
        if value is None or _is_finite(value):
            continue
        is_nan = value.is_nan() if isinstance(value, Decimal) else math.isnan(value)
        policy = policies.nan if is_nan else policies.infinity
        if policy == "refuse":
            raise Unwritable(position, NAN if is_nan else INFINITY)
        cleaned[position] = None
    return cleaned


def float_text(value: float) -> str:
    """Return the shortest digits that read back as the same double, as PostgreSQL writes them.

    >>> float_text(1.0), float_text(0.1), float_text(1e15), float_text(1.5e-07)
    ('1', '0.1', '1e+15', '1.5e-07')
    """
    text = repr(value)
    if abs(value) < _EXPONENT_FROM:
        return text.removesuffix(".0")
    digits = len(Decimal(text).normalize().as_tuple().digits)
    if _HALFWAY_FROM < abs(value) < _HALFWAY_TO:
        while _is_halfway(value, text):
            text, digits = f"{value:.{digits}e}", digits + 1
    return text if "e" in text else f"{value:.{digits - 1}e}"


def _is_halfway(value: float, text: str) -> bool:
    """Tell whether a text is as near to another float; PostgreSQL then writes a digit more."""
    twice = 2 * int(Decimal(text))
    return any(
        twice == int(value) + int(math.nextafter(value, to))
        for to in (0.0, math.copysign(math.inf, value))
    )


def integer_text(value: int) -> str:
    """Return all digits.

    Raises:
        Unwritable: there are more than Python reads back.
    """
    try:
        return int.__repr__(value)
    except ValueError:
        raise Unwritable(0, TOO_LONG) from None


def timestamp_text(value: datetime) -> str:
    """Return the instant in UTC, its fraction of a second without trailing zeros.

    >>> timestamp_text(datetime(2013, 6, 1, 12, 30, 0, 500000, tzinfo=UTC))
    '2013-06-01T12:30:00.5+00:00'
    """
    text = value.astimezone(UTC).isoformat()
    if len(text) == len("2013-06-01T12:30:00+00:00"):
        return text
    return text[:-6].rstrip("0") + text[-6:]


def _timestamps(values: Sequence[Any]) -> list[str | None]:
    texts: list[str | None] = []
    for position, value in enumerate(values):
        if value is not None and value.utcoffset() is None:
            raise Unwritable(position, NAIVE)
        try:
            texts.append(None if value is None else timestamp_text(value))
        except OverflowError:  # in UTC it is of another year than where it was written down
            raise Unwritable(position, FAR) from None
    return texts


def _dates(values: Sequence[date | None]) -> list[str | None]:
    return [None if value is None else value.isoformat() for value in values]


def _integers(values: Sequence[int | None]) -> list[str | None]:
    try:
        return [None if value is None else int.__repr__(value) for value in values]
    except ValueError:  # then each is looked at alone
        return [_integer(position, value) for position, value in enumerate(values)]


def _integer(position: int, value: int | None) -> str | None:
    try:
        return None if value is None else integer_text(value)
    except Unwritable:
        raise Unwritable(position, TOO_LONG) from None


def _decimals(values: Sequence[Decimal | None]) -> list[str | None]:
    return [None if value is None else f"{value:f}" for value in values]


def _floats(values: Sequence[float | None]) -> list[str | None]:
    return [None if value is None else float_text(value) for value in values]


def _booleans(values: Sequence[bool | None]) -> list[str | None]:
    return [None if value is None else "true" if value else "false" for value in values]


SCALARS: dict[Kind, Callable[[Sequence[Any]], list[str | None]]] = {
    "integer": _integers,
    "decimal": _decimals,
    "float": _floats,
    "boolean": _booleans,
    "date": _dates,
    "timestamp": _timestamps,
}
"""The texts of a column by its kind, None for NULL. Numbers are finite."""

MOMENTS: frozenset[Kind] = frozenset({"date", "timestamp"})


def _all_finite(values: Sequence[Any]) -> bool:
    try:
        return math.isfinite(math.fsum(map(float, filter(None, values))))
    except (OverflowError, ValueError):  # too large a sum, infinities of both signs, or an sNaN
        return False


def _is_finite(value: Any) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)
