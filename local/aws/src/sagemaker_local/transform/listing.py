"""ListTransformJobs: filters, order and pages."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from sagemaker_local.transform.describe import summarise
from sagemaker_local.transform.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sagemaker_local.transform.jobs import Job

_ORDER: dict[str, Callable[[Job], tuple[Any, ...]]] = {
    "Name": lambda job: (job.spec.name,),
    "CreationTime": lambda job: (job.spec.created, job.spec.name),
    "Status": lambda job: (job.state.status, job.spec.created, job.spec.name),
}
_FILTERS: dict[str, Callable[[Job, Any], bool]] = {
    "NameContains": lambda job, text: text.lower() in job.spec.name.lower(),
    "StatusEquals": lambda job, status: job.state.status == status,
    "CreationTimeAfter": lambda job, time: job.spec.created > time.timestamp(),
    "CreationTimeBefore": lambda job, time: job.spec.created < time.timestamp(),
    "LastModifiedTimeAfter": lambda job, time: job.state.modified > time.timestamp(),
    "LastModifiedTimeBefore": lambda job, time: job.state.modified < time.timestamp(),
}
_DEFAULT_PAGE = 10


def page(jobs: Iterable[Job], request: dict[str, Any]) -> dict[str, Any]:
    """One page of the jobs the request asks for.

    A token holds the last job of its page, so jobs created meanwhile neither repeat nor hide one.

    Raises:
        ValidationException: the token is not one of ours, or belongs to another order.
    """
    order = request.get("SortBy", "CreationTime")
    descending = request.get("SortOrder", "Descending") == "Descending"
    rank = _ORDER[order]
    chosen = sorted((job for job in jobs if _matches(job, request)), key=rank, reverse=descending)
    if "NextToken" in request:
        last = _read_token(request["NextToken"], order, descending=descending)
        chosen = [job for job in chosen if (rank(job) < last if descending else rank(job) > last)]
    size = request.get("MaxResults", _DEFAULT_PAGE)
    answer: dict[str, Any] = {"TransformJobSummaries": [summarise(job) for job in chosen[:size]]}
    if len(chosen) > size:
        answer["NextToken"] = _token(rank(chosen[size - 1]), order, descending=descending)
    return answer


def _matches(job: Job, request: dict[str, Any]) -> bool:
    return all(test(job, request[name]) for name, test in _FILTERS.items() if name in request)


def _token(last: tuple[Any, ...], order: str, *, descending: bool) -> str:
    return base64.urlsafe_b64encode(json.dumps([order, descending, *last]).encode()).decode()


def _read_token(token: str, order: str, *, descending: bool) -> tuple[Any, ...]:
    kinds = {"Name": [str], "CreationTime": [float, str], "Status": [str, float, str]}[order]
    try:
        head, direction, *last = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValidationException("Invalid NextToken") from None
    fits = [type(each) for each in last] == kinds
    if not fits or head != order or direction is not descending:
        raise ValidationException("Invalid NextToken")
    return tuple(last)
