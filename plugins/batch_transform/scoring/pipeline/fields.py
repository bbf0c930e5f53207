"""Kinds of values in a ``pipeline.yaml``, each with the words in which another is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[str | int, ...]

_DURATION = re.compile(r"([0-9]{1,9})\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=28)
_PERCENT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kMGT]?i?B)", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
# Zones of this machine, of none, or with leap seconds: midnight there is no midnight elsewhere.
_NO_ZONE = re.compile(r"localtime|Factory|posixrules|(?:posix|right)/.*")
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


def _text(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text, quoted where it looks like something else")
    return value


def matching(pattern: str, words: str) -> Callable[[Any], Any]:
    """Return a validator of texts that match a pattern as a whole, and the words for others."""
    compiled = re.compile(pattern, re.ASCII)

    def validate(value: Any) -> Any:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(words)
        return value

    return validate


def _file_name(value: Any) -> Any:
    path = PurePosixPath(_text(value))
    if path.is_absolute() or ".." in path.parts or "\n" in value:
        raise ValueError("must be the name of a file in the pipeline's folder")
    return value


def _flag(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _integer(value: Any) -> Any:
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


def _number(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= 2**1000:
        raise ValueError("must be a number")
    return float(value)


def _duration(value: Any) -> Any:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    duration = timedelta(seconds=int(match[1]) * _SECONDS[match[2]]) if match else timedelta()
    if not timedelta() < duration <= _LONGEST:
        raise ValueError("must be a whole number and a unit, at most 28d: 90s, 30m, 6h or 1d")
    return duration


def _size(value: Any) -> Any:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return _integer_of_bytes(value)
    unit = match[2].lower().removesuffix("b")
    base = 1024 if unit.endswith("i") else 1000
    return _integer_of_bytes(math.floor(float(match[1]) * base ** _POWERS[unit.removesuffix("i")]))


def _integer_of_bytes(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("must be a number of bytes, such as 64MB, 1.5GB or 64000000")
    return value


def _time_of_day(value: Any) -> Any:
    try:
        return datetime.strptime(value, "%H:%M").time()
    except (TypeError, ValueError):
        raise ValueError('must be a time of day, quoted: "02:00"') from None


def _timezone(value: Any) -> Any:
    try:
        if not _NO_ZONE.fullmatch(value):
            return ZoneInfo(value).key
    except (TypeError, ValueError, OSError, KeyError):
        pass
    raise ValueError("must be an IANA name of a time zone, such as America/New_York")


def _day(value: Any) -> Any:
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        value = _date_of(text)
    if type(value) is not date or not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"must be a day from {_FIRST_YEAR} to {_LAST_YEAR}, written as 2013-06-01")
    return value


def _date_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _share(value: Any) -> Any:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        return float(match[1]) / 100
    try:
        return _number(value)
    except ValueError:
        raise ValueError("must be a percentage such as 0.1%, or a number such as 0.001") from None


def _bad_records(value: Any) -> Any:
    words = "must be a share below 100%, such as 0.1%, or a count, such as 25"
    try:
        share = _share(value)
    except ValueError:
        raise ValueError(words) from None
    is_count = share >= 1 and type(value) is int
    if not 0 <= share < 1 and not is_count:
        raise ValueError(words)
    return value if is_count else share


_NAME_PATTERN = r"[A-Za-z_]\w*"
_NAME = matching(_NAME_PATTERN, "must be a name of letters, digits and underscores, no digit first")
# https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html
_CONN_ID_PATTERN = r"[\w#!()\-.:/\\]{1,200}"
_CONN_ID = matching(_CONN_ID_PATTERN, "must be the id of an Airflow connection, such as warehouse")


def written(pattern: str, **more: Any) -> WithJsonSchema:
    """Return the JSON Schema of texts that match a pattern as a whole."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$", **more})


_PERCENTAGE = {"type": "string", "pattern": f"^(?:{_PERCENT.pattern})$"}
_SHARE_SCHEMA = WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, _PERCENTAGE]})
_SIZE_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {
                "type": "string",
                "pattern": r"^[0-9]{1,15}(?:\.[0-9]{1,9})?\s*[kKmMgGtT]?[iI]?[bB]$",
            },
        ]
    }
)

Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})]
ConnId = Annotated[str, BeforeValidator(_CONN_ID), written(_CONN_ID_PATTERN)]
Name = Annotated[str, BeforeValidator(_NAME), written(_NAME_PATTERN)]
FileName = Annotated[str, BeforeValidator(_file_name)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Integer = Annotated[int, BeforeValidator(_integer)]
Number = Annotated[float, BeforeValidator(_number)]
Duration = Annotated[timedelta, BeforeValidator(_duration), written(_DURATION.pattern)]
Size = Annotated[int, BeforeValidator(_size), _SIZE_SCHEMA]
BadRecords = Annotated[float, BeforeValidator(_bad_records), _SHARE_SCHEMA]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0), _SHARE_SCHEMA]
TimeOfDay = Annotated[
    time, BeforeValidator(_time_of_day), written(r"(?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]")
]
TimeZone = Annotated[str, BeforeValidator(_timezone)]
Day = Annotated[date, BeforeValidator(_day), written(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", format="date")]


class Section(BaseModel):
    """A part of a ``pipeline.yaml``: frozen, and with no key that has no meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Say which rules between settings are broken: the setting it is about, and what is wrong.

        Settings that are wrong by themselves are reported before, and without this.
        """
        yield from ()

    @model_validator(mode="after")
    def _hold_to_the_rules(self) -> Self:
        details = [
            InitErrorDetails(type=broken_rule(what), loc=place, input=None)
            for place, what in self.broken()
        ]
        if details:
            raise ValidationError.from_exception_data(type(self).__name__, details)
        return self


def broken_rule(what: str) -> PydanticCustomError:
    """Return the error of a value that is wrong for a reason that shows the value itself."""
    return PydanticCustomError("rule", "{what}", {"what": what})


def twice(names: Sequence[str]) -> list[str]:
    """Return the names that come more than once."""
    return sorted({name for name in names if names.count(name) > 1})
