"""Starts a transform job, or attaches to the one that does the same.

The name is the only idempotency key that CreateTransformJob has, so it is created first, and
looked for only when the service says that the name is taken: between a look and a creation another
worker could come in.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from include.scoring.errors import CapacityShort, JobFailed, NameTaken, Unreachable
from include.scoring.jobs.claim import RUN_TAG, Claimant, claim
from include.scoring.jobs.codes import of_reason
from include.scoring.jobs.compare import check_same
from include.scoring.jobs.service import (
    COMPLETED,
    FAILED,
    STOPPED,
    STOPPING,
    Job,
    TransformJobs,
)
from include.scoring.names import job_name

_MOST_GENERATIONS = 99
_ENDED = (COMPLETED, FAILED)


class How(Enum):
    """How an attempt came by its job."""

    STARTED = "started"
    ATTACHED = "attached"
    REUSED = "reused"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The job that an attempt wants.

    Attributes:
        pipeline: begins the job's name.
        partition: the partition's label.
        digest: of everything that decides what the job gives.
        request: CreateTransformJob's request, but for name, instance type and tags.
        instance_types: in the order in which they are tried when the service has none left.
        claimant: who wants it.
        force: want a job that this run has started, whatever others did before.
    """

    pipeline: str
    partition: str
    digest: str
    request: Mapping[str, Any]
    instance_types: Sequence[str]
    claimant: Claimant
    force: bool = False

    def name(self, generation: int) -> str:
        """Name the job of a generation."""
        return job_name(self.pipeline, self.partition, self.digest, generation)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A job, and how it was come by."""

    job: Job
    how: How


@dataclass(frozen=True, kw_only=True)
class _Next:
    """What to start when nothing can be attached to."""

    generation: int = 1
    kind: int = 0


def start_or_attach(
    jobs: TransformJobs,
    wanted: Wanted,
    *,
    stands: Callable[[Job], bool],
    intend: Callable[[str], None],
) -> Found:
    """Come by the job that does what is wanted, and own it.

    Args:
        jobs: where jobs are.
        wanted: the job.
        stands: whether a job that has Completed or Failed gives what is wanted.
        intend: told the name of each job that is about to be created.

    Raises:
        JobConflict: the name belongs to a job that does something else.
        RequestRefused: the service does not take the request.
        Transient: it may take it later.
    """
    after = _Next()
    while True:
        name = wanted.name(after.generation)
        intend(name)
        if _created(jobs, wanted, after):
            job = jobs.find(name)
            if job is None:
                raise _not_seen(name)
            return Found(job=job, how=How.STARTED)
        found = _walk(jobs, wanted, stands)
        if isinstance(found, Job):
            claim(jobs, found, wanted.claimant)
            how = How.REUSED if found.status in _ENDED else How.ATTACHED
            return Found(job=found, how=how)
        if found == after:
            raise _not_seen(name)
        after = found


def _created(jobs: TransformJobs, wanted: Wanted, what: _Next) -> bool:
    resources = wanted.request["TransformResources"]
    tags = [
        *wanted.request.get("Tags", []),
        *(
            {"Key": key, "Value": value}
            for key, value in wanted.claimant.tags(wanted.digest).items()
        ),
    ]
    request = {
        **wanted.request,
        "TransformJobName": wanted.name(what.generation),
        "TransformResources": {**resources, "InstanceType": wanted.instance_types[what.kind]},
        "Tags": tags,
    }
    try:
        jobs.create(request)
    except NameTaken:
        return False
    return True


def _walk(jobs: TransformJobs, wanted: Wanted, stands: Callable[[Job], bool]) -> Job | _Next:
    """Look at one generation after the other, up to one to attach to or one that is free."""
    kind = 0
    for generation in range(1, _MOST_GENERATIONS + 1):
        job = jobs.find(wanted.name(generation))
        if job is None:
            return _Next(generation=generation, kind=kind)
        tags = jobs.tags(job.arn)
        check_same(job, tags, wanted.request, wanted.digest, wanted.instance_types)
        is_ours = not wanted.force or tags.get(RUN_TAG) == wanted.claimant.run
        if is_ours and not _is_spent(job, stands):
            return job
        kind = _kind_after(job, wanted.instance_types)
    raise JobFailed(
        f"{_MOST_GENERATIONS} jobs like {wanted.name(1)} have failed or been stopped; change the"
        " pipeline, or its data, before another is paid for"
    )


def _is_spent(job: Job, stands: Callable[[Job], bool]) -> bool:
    if job.status in _ENDED:
        return not stands(job)
    return job.status in (STOPPED, STOPPING)


def _kind_after(job: Job, kinds: Sequence[str]) -> int:
    """Choose the instance type that follows a spent job: the next where there was none left."""
    kind = list(kinds).index(job.instance_type)
    if job.status == FAILED and of_reason(job.reason) is CapacityShort:
        return (kind + 1) % len(kinds)
    return kind


def _not_seen(name: str) -> Unreachable:
    return Unreachable(f"SageMaker took the name {name}, but does not describe the job yet")
