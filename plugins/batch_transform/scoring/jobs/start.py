"""Starts a transform job, or attaches to the one that does the same.

The name is the only idempotency key that CreateTransformJob has, so it is created first, and
looked for only when the service says that the name is taken: between a look and a creation another
worker could come in.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from batch_transform.scoring.aws.codes import of_reason
from batch_transform.scoring.errors import (
    CapacityShort,
    JobConflict,
    JobFailed,
    NameTaken,
    Unreachable,
)
from batch_transform.scoring.jobs.owners import DIGEST_TAG, RUN_TAG, Owner, claim
from batch_transform.scoring.jobs.request import with_instances, writing
from batch_transform.scoring.jobs.service import (
    COMPLETED,
    FAILED,
    STOPPED,
    STOPPING,
    Job,
    TransformJobs,
)
from batch_transform.scoring.names import S3Uri, generation_name, job_name

_MOST_GENERATIONS = 99
_ENDED = (COMPLETED, FAILED)


class How(Enum):
    """How an attempt got its job."""

    STARTED = "started"
    ATTACHED = "attached"
    REUSED = "reused"


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A job to start, or to attach to.

    Attributes:
        pipeline: begins the job's name.
        partition: the partition's label.
        digest: of everything that decides what the job gives.
        request: CreateTransformJob's request, but for name, tags, instance type and output.
        output: prefix below which each generation writes at a prefix of its own.
        instance_types: in the order in which they are tried when the service has none left.
        owner: who wants the job.
        force: whether only a job that this run has started will do.
    """

    pipeline: str
    partition: str
    digest: str
    request: Mapping[str, Any]
    output: S3Uri
    instance_types: Sequence[str]
    owner: Owner
    force: bool = False

    def name(self, generation: int) -> str:
        """Name the job of a generation."""
        return job_name(self.pipeline, self.partition, self.digest, generation)

    def to_create(self, generation: int, type_index: int) -> dict[str, Any]:
        """Return the whole request for a generation."""
        tags = self.owner.tags(self.digest)
        request = with_instances(self.request, InstanceType=self.instance_types[type_index])
        return {
            **writing(request, self.output / generation_name(generation)),
            "TransformJobName": self.name(generation),
            "Tags": [
                *self.request.get("Tags", []),
                *({"Key": key, "Value": value} for key, value in tags.items()),
            ],
        }


class Starter(Protocol):
    """What an attempt decides about jobs."""

    def is_usable(self, job: Job) -> bool:
        """Tell whether a job that has Completed or Failed gives what is wanted."""

    def check_allowed(self, earlier: Sequence[Job]) -> None:
        """Raise a ScoringError where no other job may be started after these generations."""

    def intend(self, name: str) -> None:
        """Learn the name of a job that is about to be created."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A job that an attempt owns, and how it got it."""

    job: Job
    how: How


@dataclass(frozen=True, kw_only=True)
class _Next:
    """What to start when there is nothing to attach to."""

    generation: int = 1
    type_index: int = 0


def start_or_attach(jobs: TransformJobs, request: JobRequest, starter: Starter) -> Held:
    """Start the job, or attach to the one that does the same; the attempt owns it then.

    Raises:
        JobConflict: the name belongs to a job that does something else.
        RequestRefused: the service does not take the request.
        Transient: it may take it later.
        ScoringError: what the starter raises.
    """
    after = _Next()
    while True:
        name = request.name(after.generation)
        starter.intend(name)
        if _created(jobs, request.to_create(after.generation, after.type_index)):
            job = jobs.find(name)
            if job is None:
                raise _not_seen(name)
            return Held(job=job, how=How.STARTED)
        choice = _choose(jobs, request, starter)
        if isinstance(choice, Job):
            claim(jobs, choice, request.owner)
            job = jobs.find(choice.name)
            if job is None or job.status in (STOPPED, STOPPING):
                continue  # its last owner was quicker
            return Held(job=job, how=How.REUSED if job.status in _ENDED else How.ATTACHED)
        if choice == after:
            raise _not_seen(name)
        after = choice


def _created(jobs: TransformJobs, request: Mapping[str, Any]) -> bool:
    try:
        jobs.create(request)
    except NameTaken:
        return False
    return True


def _choose(jobs: TransformJobs, request: JobRequest, starter: Starter) -> Job | _Next:
    """Choose the job to attach to, or what to start."""
    generations = list(_generations(jobs, request))
    found = best([job for job, may_serve in generations if may_serve], starter.is_usable)
    if found is not None:
        return found
    earlier = [job for job, _ in generations]
    if len(earlier) == _MOST_GENERATIONS:
        raise JobFailed(
            f"{len(earlier)} jobs like {request.name(1)} have failed or been stopped; change the"
            " pipeline, or its data, before another is paid for"
        )
    starter.check_allowed(earlier)
    type_index = _type_after(earlier[-1], request.instance_types) if earlier else 0
    return _Next(generation=len(earlier) + 1, type_index=type_index)


def best(generations: Sequence[Job], is_usable: Callable[[Job], bool]) -> Job | None:
    """Choose the job that serves a run, if one does.

    That is the earliest where it is running, otherwise the latest that has ended: a later one
    exists only because somebody forced it, and does not want the outputs of an earlier one back
    with the next run that forces none.

    Args:
        generations: of one digest, in their order.
        is_usable: tells whether one that has Completed or Failed gives what is wanted.
    """
    serving = [job for job in generations if _may_serve(job, is_usable)]
    ended = [job for job in serving if job.status in _ENDED]
    if ended and serving[0].status in _ENDED:
        return ended[-1]
    return serving[0] if serving else None


def _may_serve(job: Job, is_usable: Callable[[Job], bool]) -> bool:
    if job.status in _ENDED:
        return is_usable(job)
    return job.status not in (STOPPED, STOPPING)


def _generations(jobs: TransformJobs, request: JobRequest) -> Iterator[tuple[Job, bool]]:
    """Yield each generation there is, and whether it may serve: to force is to want a new one."""
    for generation in range(1, _MOST_GENERATIONS + 1):
        job = jobs.find(request.name(generation))
        if job is None:
            return
        tags = jobs.tags(job.arn)
        if tags.get(DIGEST_TAG) != request.digest:
            raise JobConflict(
                f"A transform job {job.name!r} exists, and does something else: its tag"
                f" {DIGEST_TAG} is {tags.get(DIGEST_TAG)!r}, not {request.digest!r}. It is left"
                " alone. Rename the pipeline's folder, or change its settings, for another name"
            )
        yield job, not request.force or tags.get(RUN_TAG) == request.owner.run


def _type_after(job: Job, instance_types: Sequence[str]) -> int:
    """Choose the instance type that follows a spent job: the next where there was none left."""
    if job.instance_type not in instance_types:
        return 0
    index = list(instance_types).index(job.instance_type)
    if job.status == FAILED and of_reason(job.reason) is CapacityShort:
        return (index + 1) % len(instance_types)
    return index


def _not_seen(name: str) -> Unreachable:
    return Unreachable(f"SageMaker took the name {name}, but does not describe the job yet")
