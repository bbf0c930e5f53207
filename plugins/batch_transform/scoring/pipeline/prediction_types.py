"""The types of predicted columns: all that anyone needs to know of each, in one table.

Ids are of two of them, ``bigint`` and ``text``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

TypeName = Literal["double", "bigint", "text", "boolean"]

_SHOWN = 60  # characters of a value that a message shows
_DEEPER = "let its `at` lead to a value in it"
_BOOLEANS = {"true": True, "false": False}
_INT8 = 2**63
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Unfit(ValueError):
    """A value is not what its column declares; the message names the column and says why."""


@dataclass(frozen=True, kw_only=True)
class PredictionType:
    """One type.

    Attributes:
        read: makes a value of it from a column's name and a CSV field or any JSON value but null;
            raises Unfit where that would lose something.
        duckdb: its name in DuckDB.
        arrow: its name in Arrow.
        cast: DuckDB's expression for the value of a ``{text}``, NULL where it is none.
        fits: DuckDB's condition on ``{text}`` and ``{value}`` under which ``read`` gives the same.
        postgres: its name in PostgreSQL, and names of other types that hold the same values.
        redshift: its name in Redshift, where TEXT would be cut.
        iceberg: its name in Iceberg.
        hive: its name in Glue and Hive.
        snowflake: its name in Snowflake.
        binary: NumPy's name of its binary form in COPY; None where widths differ.
        is_number: whether it has bounds and a mean.
    """

    read: Callable[[str, Any], Any]
    duckdb: str
    arrow: str
    cast: str
    fits: str
    postgres: tuple[str, ...]
    redshift: str
    iceberg: str
    hive: str
    snowflake: str
    binary: str | None
    is_number: bool = False


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
        raise Unfit(f"{name} is {_cut(repr(number))}, which 64 bits do not hold")
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
    problem = text_problem(text)
    if problem:
        raise Unfit(f"{name} holds {problem}, which no text column holds")
    return text


def text_problem(text: str) -> str | None:
    """Say what of a text neither PostgreSQL nor Parquet can hold; None where they can."""
    if "\0" in text:
        return "a NUL character"
    return "half of a surrogate pair" if _LONE_SURROGATE.search(text) else None


def _boolean(name: str, value: Any) -> bool:
    boolean = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(boolean, bool):
        raise _other(name, value, "boolean")
    return boolean


def _other(name: str, value: Any, declared: str) -> Unfit:
    if isinstance(value, dict):
        keys = _cut(", ".join(value)) or "no key"
        return Unfit(f"{name} is an object with {keys}, not {declared}: {_DEEPER}")
    if isinstance(value, list):
        return Unfit(f"{name} is a list, not {declared}: {_DEEPER}")
    return Unfit(f"{name} is {_cut(repr(value))}, not {declared}")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


TYPES: Mapping[TypeName, PredictionType] = {
    "double": PredictionType(
        read=_double,
        duckdb="DOUBLE",
        arrow="double",
        cast="TRY_CAST({text} AS DOUBLE)",
        fits="isfinite({value})",
        postgres=("double precision",),
        redshift="double precision",
        iceberg="double",
        hive="double",
        snowflake="float",
        binary=">f8",
        is_number=True,
    ),
    "bigint": PredictionType(
        read=_bigint,
        duckdb="BIGINT",
        arrow="int64",
        cast="TRY_CAST({text} AS BIGINT)",
        fits="CAST({value} AS VARCHAR) = {text}",  # DuckDB alone would round 1.5 to 2
        postgres=("bigint",),
        redshift="bigint",
        iceberg="long",
        hive="bigint",
        snowflake="number(38, 0)",
        binary=">i8",
        is_number=True,
    ),
    "text": PredictionType(
        read=_text,
        duckdb="VARCHAR",
        arrow="string",
        cast="{text}",
        fits="NOT contains({text}, chr(0))",
        postgres=("text", "character varying"),
        redshift="varchar(65535)",
        iceberg="string",
        hive="string",
        snowflake="varchar",
        binary=None,
    ),
    "boolean": PredictionType(
        read=_boolean,
        duckdb="BOOLEAN",
        arrow="bool",
        cast="CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END",
        fits="{value} IS NOT NULL",
        postgres=("boolean",),
        redshift="boolean",
        iceberg="boolean",
        hive="boolean",
        snowflake="boolean",
        binary="u1",
    ),
}
