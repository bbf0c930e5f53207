"""Pages of a listing of S3's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from batch_transform.scoring.aws.codes import translated

_WITHIN_A_SECOND = timedelta(microseconds=999_999)


def pages(found: Iterable[Any]) -> Iterator[Any]:
    """Yield pages of a list; whoever reads them may raise what is not of AWS."""
    pending = iter(found)
    while True:
        with translated():
            page = next(pending, None)
        if page is None:
            return
        yield page


def answered_at(page: Any) -> datetime:
    """Return when S3 answered: the second by its own clock, and within the second by ours.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html
    """
    second = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
    return min(max(datetime.now(UTC), second), second + _WITHIN_A_SECOND)
