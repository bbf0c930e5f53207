"""Tags of jobs, where moto's operations AddTags, ListTags and DeleteTags find them.

A resource has 50 at most (words ours).
https://docs.aws.amazon.com/sagemaker/latest/dg/custom-tags.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends

if TYPE_CHECKING:
    from collections.abc import Iterable

    Tag = dict[str, str]

_MOST = 50


class _Tags(list["Tag"]):
    """Tags of a job; one that is added again replaces the value, as AddTags says."""

    def extend(self, tags: Iterable[Tag]) -> None:
        values = {tag["Key"]: tag["Value"] for tag in (*self, *tags)}
        if len(values) > _MOST:
            raise ValidationError(f"A resource can have {_MOST} tags, and would have {len(values)}")
        self[:] = [{"Key": key, "Value": value} for key, value in values.items()]


class _Tagged:
    """What moto's operations see of a job."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self._tags = _Tags(tags)

    @property
    def tags(self) -> _Tags:
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[Tag]) -> None:
        self._tags = _Tags(tags)


def attach(region: str, name: str, tags: Iterable[Tag]) -> None:
    """Give a new job its tags."""
    sagemaker_backends[DEFAULT_ACCOUNT_ID][region].transform_jobs[name] = _Tagged(tags)


def of(region: str, name: str) -> list[Tag]:
    """The tags of a job."""
    job = sagemaker_backends[DEFAULT_ACCOUNT_ID][region].transform_jobs.get(name)
    return [] if job is None else [dict(tag) for tag in job.tags]
