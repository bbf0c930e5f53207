"""SageMaker's transform jobs in memory, for tests and examples."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from include.scoring.errors import NameTaken, ScoringError
from include.scoring.jobs.service import IN_PROGRESS, STOPPED, STOPPING, Job

_EPOCH = datetime(2013, 6, 1, tzinfo=UTC)


@dataclass
class InMemoryJobs:
    """Transform jobs that a test moves by hand.

    Attributes:
        now: the service's clock.
        created: names of the jobs that were started, in order.
        stopped: names of the jobs that StopTransformJob was called for, in order.
        refusals: raised by the next calls, one each, before they do anything.
        stops_at_once: whether a stopped job is Stopped, or Stopping until ``end`` is called.
    """

    now: datetime = _EPOCH
    created: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    refusals: list[ScoringError] = field(default_factory=list)
    stops_at_once: bool = True
    _described: dict[str, dict[str, Any]] = field(default_factory=dict)
    _tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def create(self, request: Mapping[str, Any]) -> None:
        """Start a job; it is InProgress until ``end``."""
        self._refuse()
        name = request["TransformJobName"]
        if name in self._described:
            raise NameTaken(f"A job {name} exists")
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:transform-job/{name}"
        described = {
            **copy.deepcopy(dict(request)),
            "TransformJobArn": arn,
            "TransformJobStatus": IN_PROGRESS,
            "CreationTime": self.now,
            "TransformStartTime": self.now,
        }
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in described.pop("Tags", [])}
        self._described[name] = described
        self.created.append(name)

    def find(self, name: str) -> Job | None:
        """Describe a job."""
        self._refuse()
        described = self._described.get(name)
        return None if described is None else _job(described)

    def stop(self, name: str) -> bool:
        """Stop a job."""
        self._refuse()
        described = self._described.get(name)
        if described is None or described["TransformJobStatus"] != IN_PROGRESS:
            return False
        self.stopped.append(name)
        self.end(name, STOPPED if self.stops_at_once else STOPPING)
        return True

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a job."""
        self._refuse()
        return dict(self._tags[arn])

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Change tags of a job."""
        self._refuse()
        self._tags[arn].update(tags)

    def end(self, name: str, status: str, reason: str = "") -> None:
        """Move a job to a status, as the service would."""
        described = self._described[name]
        described.update(TransformJobStatus=status, TransformEndTime=self.now)
        if reason:
            described["FailureReason"] = reason

    def advance(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time

    def all(self) -> Iterable[Job]:
        """List every job, in the order of their creation."""
        return [_job(each) for each in self._described.values()]

    def _refuse(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)


@dataclass
class InMemoryLogs:
    """Logs of jobs in memory.

    Attributes:
        data_logs: the lines of each instance's data-log, by job.
    """

    data_logs: dict[str, list[list[str]]] = field(default_factory=dict)

    def tail(self, job_name: str) -> str:
        """Say that there is none."""
        return f"(It has no log: {job_name})"

    def data_log(self, job_name: str) -> list[list[str]]:
        """Return what a test has put there."""
        return self.data_logs.get(job_name, [])


def _job(described: Mapping[str, Any]) -> Job:
    return Job(
        name=described["TransformJobName"],
        arn=described["TransformJobArn"],
        status=described["TransformJobStatus"],
        reason=described.get("FailureReason", ""),
        created=described["CreationTime"],
        described=copy.deepcopy(dict(described)),
    )
