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
from typing import Any

from batch_transform.scoring.aws.codes import of_reason
from batch_transform.scoring.errors import CapacityShort, JobFailed, NameTaken, Unreachable
from batch_transform.scoring.jobs.claim import RUN_TAG, Claimant, claim
from batch_transform.scoring.jobs.compare import check_same
from batch_transform.scoring.jobs.request import with_instances
from batch_transform.scoring.jobs.service import (
    COMPLETED,
    FAILED,
    STOPPED,
    STOPPING,
    Job,
    TransformJobs,
)
from batch_transform.scoring.names import job_name

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
            job = jobs.find(found.name)
            if job is None or job.status in (STOPPED, STOPPING):
                continue  # its last owner was quicker
            return Found(job=job, how=How.REUSED if job.status in _ENDED else How.ATTACHED)
        if found == after:
            raise _not_seen(name)
        after = found


def _created(jobs: TransformJobs, wanted: Wanted, what: _Next) -> bool:
    tags = [
        *wanted.request.get("Tags", []),
        *(
            {"Key": key, "Value": value}
            for key, value in wanted.claimant.tags(wanted.digest).items()
        ),
    ]
    request = {
        **with_instances(wanted.request, InstanceType=wanted.instance_types[what.kind]),
        "TransformJobName": wanted.name(what.generation),
        "Tags": tags,
    }
    try:
        jobs.create(request)
    except NameTaken:
        return False
    return True


def _walk(jobs: TransformJobs, wanted: Wanted, stands: Callable[[Job], bool]) -> Job | _Next:
    """Find the job to attach to, or what to start."""
    found = list(_generations(jobs, wanted))
    best = _best([job for job, is_ours in found if is_ours], stands)
    if best is not None:
        return best
    if len(found) == _MOST_GENERATIONS:
        raise JobFailed(
            f"{len(found)} jobs like {wanted.name(1)} have failed or been stopped; change the"
            " pipeline, or its data, before another is paid for"
        )
    kind = _kind_after(found[-1][0], wanted.instance_types) if found else 0
    return _Next(generation=len(found) + 1, kind=kind)


def _best(found: Sequence[Job], stands: Callable[[Job], bool]) -> Job | None:
    """Choose the first job that is not spent; of several that have ended, the last.

    An earlier attempt of this run may have left the first for this one. But who forces a job does
    not want the outputs of an earlier one back with the next run that forces none.
    """
    serving = [job for job in found if not _is_spent(job, stands)]
    ended = [job for job in serving if job.status in _ENDED]
    if ended and serving[0].status in _ENDED:
        return ended[-1]
    return serving[0] if serving else None


def _is_spent(job: Job, stands: Callable[[Job], bool]) -> bool:
    if job.status in _ENDED:
        return not stands(job)
    return job.status in (STOPPED, STOPPING)


def _generations(jobs: TransformJobs, wanted: Wanted) -> Iterator[tuple[Job, bool]]:
    """Yield each generation there is, and whether it may serve: to force is to want a new one."""
    for generation in range(1, _MOST_GENERATIONS + 1):
        job = jobs.find(wanted.name(generation))
        if job is None:
            return
        tags = jobs.tags(job.arn)
        check_same(job, tags, wanted.request, wanted.digest, wanted.instance_types)
        yield job, not wanted.force or tags.get(RUN_TAG) == wanted.claimant.run_tag


def _kind_after(job: Job, kinds: Sequence[str]) -> int:
    """Choose the instance type that follows a spent job: the next where there was none left."""
    kind = list(kinds).index(job.instance_type)
    if job.status == FAILED and of_reason(job.reason) is CapacityShort:
        return (kind + 1) % len(kinds)
    return kind


def _not_seen(name: str) -> Unreachable:
    return Unreachable(f"SageMaker took the name {name}, but does not describe the job yet")
