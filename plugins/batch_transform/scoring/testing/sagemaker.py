"""SageMaker in memory: jobs that a test moves by hand, their logs, and models."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from typing_extensions import override

from batch_transform.scoring.errors import NameTaken, RequestRefused, ScoringError
from batch_transform.scoring.jobs.logs import JobLogs
from batch_transform.scoring.jobs.models import Models, network
from batch_transform.scoring.jobs.owners import MOST_TAGS
from batch_transform.scoring.jobs.service import (
    IN_PROGRESS,
    STOPPED,
    STOPPING,
    Job,
    TransformJobs,
)
from batch_transform.scoring.pipeline import Model
from batch_transform.scoring.testing.s3 import InMemoryObjects

_EPOCH = datetime(2013, 6, 1, tzinfo=UTC)


@dataclass
class InMemoryJobs(TransformJobs):
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

    @override
    def create(self, request: Mapping[str, Any]) -> None:
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

    @override
    def find(self, name: str) -> Job | None:
        self._refuse()
        described = self._described.get(name)
        return None if described is None else Job.of(copy.deepcopy(described), self.now)

    @override
    def stop(self, name: str) -> bool:
        self._refuse()
        described = self._described.get(name)
        if described is None or described["TransformJobStatus"] != IN_PROGRESS:
            return False
        self.stopped.append(name)
        self.end(name, STOPPED if self.stops_at_once else STOPPING)
        return True

    @override
    def tags(self, arn: str) -> dict[str, str]:
        self._refuse()
        return dict(self._tags[arn])

    @override
    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        self._refuse()
        after = {**self._tags[arn], **tags}
        if len(after) > MOST_TAGS:
            raise RequestRefused(f"{arn} can have {MOST_TAGS} tags")
        self._tags[arn] = after

    @override
    def untag(self, arn: str, keys: Sequence[str]) -> None:
        self._refuse()
        for key in keys:
            self._tags[arn].pop(key, None)

    @override
    def running(self) -> Iterator[tuple[str, str]]:
        self._refuse()
        for job in self.all():
            if job.status == IN_PROGRESS:
                yield job.name, job.arn

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
        return [Job.of(copy.deepcopy(each), self.now) for each in self._described.values()]

    def _refuse(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)


@dataclass
class InMemoryLogs(JobLogs):
    """Logs of jobs.

    Attributes:
        data_logs: the lines of each instance's data-log, by job.
    """

    data_logs: dict[str, list[list[str]]] = field(default_factory=dict)

    @override
    def tail(self, job_name: str) -> str:
        return f"(It has no log: {job_name})"

    @override
    def data_log(self, job_name: str) -> list[list[str]]:
        return self.data_logs.get(job_name, [])


@dataclass
class InMemoryModels(Models):
    """Models and model packages.

    Attributes:
        described: models by name.
        approved: ARN of the latest approved version, by package group.
        created: names of the models that were made, in order.
    """

    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)

    @override
    def find(self, name: str) -> Mapping[str, Any] | None:
        return self.described.get(name)

    @override
    def latest_approved(self, group: str) -> str | None:
        return self.approved.get(group)

    @override
    def create(self, name: str, package: str, spec: Model) -> None:
        if name not in self.described:
            self.created.append(name)
            container = {"ModelPackageName": package}
            made = {"PrimaryContainer": container, "ExecutionRoleArn": spec.role}
            self.described[name] = {**made, **network(spec)}


@dataclass(frozen=True, kw_only=True)
class FakeAws:
    """One set of all the fakes, where a task would connect to AWS."""

    jobs: InMemoryJobs = field(default_factory=InMemoryJobs)
    objects: InMemoryObjects = field(default_factory=InMemoryObjects)
    logs: InMemoryLogs = field(default_factory=InMemoryLogs)
    models: InMemoryModels = field(default_factory=InMemoryModels)

    def encrypting(self, kms_key: str | None) -> FakeAws:
        """Return a set whose objects are stored under a key."""
        return replace(self, objects=self.objects.encrypting(kms_key))

    def hurried(self) -> FakeAws:
        """Return itself: fakes take no time."""
        return self
