"""Texts read as what the contract says they are: exactly, or not at all."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.records.unwritable import FINE, TOO_LONG, UnreadableValue

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r"(?:\.([0-9]+))? ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_MICROSECOND_DIGITS = 6
_NO_SUCH_VALUE = (ValueError, ArithmeticError, RecursionError)
# Those of PostgreSQL's numeric: https://www.postgresql.org/docs/current/datatype-numeric.html
_LARGEST_EXPONENT = 131_072
_LONGEST_INTEGER = 4_300  # https://docs.python.org/3/library/stdtypes.html#int-max-str-digits


def literals(texts: Sequence[str | None], kind: Kind) -> list[Any]:
    """Read a column of texts as values of a kind; what is none becomes ``UnreadableValue``.

    >>> literals(["9007199254740993", None], "integer")
    [9007199254740993, None]
    """
    if kind == "text":
        return list(texts)
    read = _READERS[kind]
    try:
        return [None if text is None else read(text) for text in texts]
    except _NO_SUCH_VALUE:  # then each is looked at alone
        return [None if text is None else _read(read, text, kind) for text in texts]


def decimal(text: str) -> Decimal | UnreadableValue:
    """Read a number with all its digits."""
    try:
        number = Decimal(text)
    except InvalidOperation:  # of a number it is the exponent
        return TOO_LONG
    if number.is_finite() and abs(number.adjusted()) > _LARGEST_EXPONENT:
        return TOO_LONG
    return number


def nearest_float(number: Decimal) -> float | UnreadableValue:
    """Return the float that is nearest to a number, as every reader of its digits would."""
    value = float(number)
    if math.isinf(value) and number.is_finite():
        return UnreadableValue("a number larger than any float; correct the source")
    return value


def _read(read: Callable[[str], Any], text: str, kind: Kind) -> Any:
    try:
        return read(text)
    except _NO_SUCH_VALUE:
        return UnreadableValue(
            f"a text that is no {kind}; correct the files, or the kind in contract.yaml"
        )


def _integer(text: str) -> int | UnreadableValue:
    digits = _whole(_INTEGER, text)[0]
    return TOO_LONG if len(digits) > _LONGEST_INTEGER else int(digits)


def _decimal(text: str) -> Decimal | UnreadableValue:
    return decimal(_whole(_NUMBER, text)[0])


def _float(text: str) -> float | UnreadableValue:
    value = float(_whole(_NUMBER, text)[0])
    return nearest_float(Decimal(text)) if math.isinf(value) else value


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise ValueError
    return value


def _date(text: str) -> date:
    return date.fromisoformat(_whole(_DATE, text)[0])


def _timestamp(text: str) -> datetime | UnreadableValue:
    moment, fraction, zone = _whole(_TIMESTAMP, text).groups()
    digits = (fraction or "").rstrip("0")
    if len(digits) > _MICROSECOND_DIGITS:
        return FINE
    value = datetime.fromisoformat(moment + ("+00:00" if zone in {"Z", "UTC"} else zone or ""))
    return value.replace(microsecond=int(digits.ljust(_MICROSECOND_DIGITS, "0")))


def _nested(text: str) -> list[Any] | dict[str, Any]:
    value = parsed_json(text)
    if not isinstance(value, list | dict):
        raise ValueError
    return value


def parsed_json(text: str) -> Any:
    """Parse JSON with every number exact: integers as int, all others and ``-0`` as Decimal."""
    return json.loads(text, parse_int=_json_integer, parse_float=decimal, parse_constant=Decimal)


def _json_integer(digits: str) -> int | Decimal | UnreadableValue:
    # Python reads no longer text as an integer; a decimal it is nevertheless.
    return decimal(digits) if digits == "-0" or len(digits) > _LONGEST_INTEGER else int(digits)


def _whole(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError
    return match


# Texts are what they are.
_READERS: dict[Kind, Callable[[str], Any]] = {
    "integer": _integer,
    "decimal": _decimal,
    "float": _float,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "nested": _nested,
}
