"""A predicted value: from what the model wrote to what its column declares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from batch_transform.scoring.pipeline import Prediction

_SHOWN = 60  # characters of a value that a message shows
_BOOLEANS = {"true": True, "false": False}
_INT8 = 2**63


class Unfit(ValueError):
    """A value is not what its column declares; the message names the column and says why."""


def typed(name: str, value: Any, prediction: Prediction) -> Any:
    """Return the value as its column's type.

    Args:
        name: the column.
        value: a CSV field, or any JSON value.
        prediction: what the column declares.

    Raises:
        Unfit: it has no such type, is not finite, is null without leave, or is out of bounds.
    """
    if value is None:
        if prediction.nullable:
            return None
        raise Unfit(f"{name} is null; allow it with nullable: true")
    found = _READ[prediction.type](name, value)
    if prediction.min is not None and found < prediction.min:
        raise Unfit(f"{name} is {found}, below its min of {prediction.min}")
    if prediction.max is not None and found > prediction.max:
        raise Unfit(f"{name} is {found}, above its max of {prediction.max}")
    return found


def _double(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _other(name, value, "double")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _other(name, value, "double") from None
    if not math.isfinite(number):
        raise Unfit(f"{name} is {number}, not a finite number")
    return number


def _bigint(name: str, value: Any) -> int:
    if isinstance(value, str):
        number = _whole(name, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    else:
        raise _other(name, value, "bigint")
    if not -_INT8 <= number < _INT8:
        raise Unfit(f"{name} is {_shown(number)}, which 64 bits do not hold")
    return number


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number.is_integer() or abs(number) >= 2**53:
        raise _other(name, text, "bigint")
    return int(number)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise _other(name, value, "text")
    text = str(value)
    if "\0" in text:
        raise Unfit(f"{name} holds a NUL character, which no text column holds")
    return text


def _boolean(name: str, value: Any) -> bool:
    found = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise _other(name, value, "boolean")
    return found


_READ: dict[str, Callable[[str, Any], Any]] = {
    "double": _double,
    "bigint": _bigint,
    "text": _text,
    "boolean": _boolean,
}


def _other(name: str, value: Any, declared: str) -> Unfit:
    if isinstance(value, dict | list):
        return Unfit(f"{name} is a {type(value).__name__}, not {declared}")
    return Unfit(f"{name} is {_shown(value)}, not {declared}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
