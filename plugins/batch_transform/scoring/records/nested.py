"""Lists and objects, as the JSON that PostgreSQL's jsonb prints: ``{"a": [1, null]}``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

from batch_transform.scoring.pipeline.record import Policies
from batch_transform.scoring.records.scalars import float_text, integer_text, timestamp_text
from batch_transform.scoring.records.texts import whole_text
from batch_transform.scoring.records.unwritable import (
    INFINITY,
    NAIVE,
    NAN,
    Hazard,
    UnreadableValue,
    Unwritable,
)


def nested_texts(values: Sequence[Any], policies: Policies) -> list[str]:
    """Return the JSON of lists and objects.

    Raises:
        Unwritable: something inside has no JSON.
    """
    texts = []
    for position, value in enumerate(values):
        try:
            texts.append(_text(value, policies))
        except Unwritable as problem:
            raise Unwritable(position, problem.hazard.inside("a nested value")) from None
    return texts


def _text(value: Any, policies: Policies) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str() | UUID():
            return encode_basestring(whole_text(str(value), policies))
        case int():
            return integer_text(value)
        case float() | Decimal():
            return _number(value, policies)
        case datetime() | date():
            return _moment(value)
        case Mapping():
            members = [f"{_key(key, policies)}: {_text(v, policies)}" for key, v in value.items()]
            return "{" + ", ".join(members) + "}"
        case list() | tuple():
            return "[" + ", ".join(_text(element, policies) for element in value) + "]"
    if isinstance(value, UnreadableValue):
        raise Unwritable(0, value)
    raise Unwritable(0, Hazard(f"a value of type {type(value).__name__}; cast it in the query"))


def _number(value: float | Decimal, policies: Policies) -> str:
    if math.isfinite(value):  # jsonb has no exponents
        return f"{value if isinstance(value, Decimal) else Decimal(float_text(value)):f}"
    is_nan = value != value
    if (policies.nan if is_nan else policies.infinity) == "refuse":
        raise Unwritable(0, NAN if is_nan else INFINITY)
    return "null"


def _moment(value: date) -> str:
    if not isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if value.utcoffset() is None:
        raise Unwritable(0, NAIVE)
    return f'"{timestamp_text(value)}"'


def _key(key: Any, policies: Policies) -> str:
    if not isinstance(key, str):
        what = f"a key of type {type(key).__name__}; JSON has texts for keys"
        raise Unwritable(0, Hazard(what))
    return encode_basestring(whole_text(key, policies))
