"""Kinds of values in a ``pipeline.yaml``."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _duration(value: Any) -> Any:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is a whole number and a unit: 90s, 30m, 6h or 1d")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _time_of_day(value: Any) -> Any:
    try:
        return datetime.strptime(value, "%H:%M").time()
    except (TypeError, ValueError):
        raise ValueError('a time of day is quoted and reads like "02:00"') from None


def _timezone(value: Any) -> Any:
    try:
        return ZoneInfo(value).key
    except (TypeError, ValueError, OSError, KeyError):
        raise ValueError("a time zone is an IANA name such as America/New_York") from None


def _share(value: Any) -> Any:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        return float(match[1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError("a share is a percentage such as 0.1%, or a number such as 0.001")


def _bad_records(value: Any) -> Any:
    number = _share(value)
    is_share = 0 <= number < 1
    if is_share or (number >= 1 and number == int(number) and isinstance(value, int)):
        return number
    raise ValueError("bad_records is a share below 100%, such as 0.1%, or a count, such as 25")


Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
BadRecords = Annotated[float, BeforeValidator(_bad_records)]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
TimeZone = Annotated[str, BeforeValidator(_timezone)]


class Section(BaseModel):
    """A part of a ``pipeline.yaml``: frozen, and with no key that has no meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
