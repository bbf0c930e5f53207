"""The time by AWS's clock: a worker's own may be wrong by a day."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_WITHIN_A_SECOND = timedelta(microseconds=999_999)


def answered_at(answer: Mapping[str, Any]) -> datetime:
    """Return when AWS gave an answer: the second by its clock, and within the second by ours.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html
    """
    second = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return min(max(datetime.now(UTC), second), second + _WITHIN_A_SECOND)


def ticking_from(moment: datetime) -> Callable[[], datetime]:
    """Return what tells the time from now on, which is some moment."""
    begun = time.monotonic()
    return lambda: moment + timedelta(seconds=time.monotonic() - begun)
