"""One look at a transform job: its state, how far it is, and whether its time is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import end
from batch_transform.scoring.jobs.blame import blames
from batch_transform.scoring.jobs.logs import JobLogs
from batch_transform.scoring.jobs.owners import Owner, Stop, give_up
from batch_transform.scoring.jobs.progress import Progress, has_inputs, measure, missing_outputs
from batch_transform.scoring.jobs.service import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    Job,
    TransformJobs,
    known,
)
from batch_transform.scoring.names import RunLayout, S3Uri


class Services(Protocol):
    """What is needed of AWS around a job."""

    @property
    def jobs(self) -> TransformJobs:
        """SageMaker's transform jobs."""

    @property
    def objects(self) -> ObjectStore:
        """S3."""

    @property
    def logs(self) -> JobLogs:
        """CloudWatch's logs of jobs."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A job that an attempt looks at.

    Attributes:
        job_name: the job.
        index: what was sent.
        owner: who looks.
        deadline: how long the job may take from its creation.
    """

    job_name: str
    index: ExtractIndex
    owner: Owner
    deadline: timedelta


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen.

    Attributes:
        job: the job as it was then.
        progress: of its outputs.
        missing: shards without an output.
    """

    job: Job
    progress: Progress
    missing: list[str]


def look(services: Services, watch: Watch) -> Look:
    """Look at a job, and stop it where its time is up.

    Raises:
        DeadlinePassed: its time is up, and it goes on for other runs.
        Transient: AWS could not be asked, or does not know of the job at this moment.
    """
    job = known(services.jobs, watch.job_name)
    if job.status == IN_PROGRESS and end.is_late(job, watch.deadline):
        if give_up(services.jobs, job.name, watch.owner) is Stop.OWNED:
            raise end.too_late(job, watch.deadline, "goes on for other runs that want it")
        job = known(services.jobs, watch.job_name)
    return see(services, job, watch.index)


def see(services: Services, job: Job, index: ExtractIndex) -> Look:
    """Look at what a job has written so far."""
    missing = missing_outputs(index, services.objects, job.output)
    is_over = job.status != IN_PROGRESS
    started = None if is_over else job.described.get("TransformStartTime")
    progress = measure(index, missing, started, job.seen_at)
    return Look(job=job, progress=progress, missing=missing)


def check_done(services: Services, seen: Look, index: ExtractIndex, deadline: timedelta) -> None:
    """Check that a job which is over is a success, or leaves something to recover from.

    Raises:
        ScoringError: it is not; the message carries the reason, and the job's own last words.
    """
    problem = end.failure(seen.job, deadline)
    if problem is None:
        end.check_outputs(seen.job, seen.missing, len(index.shards))
    elif not _leaves_something(services, seen.job, seen.missing, index):
        raise type(problem)(f"{problem}\n{services.logs.tail(seen.job.name)}")


def partial_failure(seen: Look) -> str | None:
    """Say what a Failed job that ``check_done`` has let through is; None where it Completed."""
    if seen.job.status != FAILED:
        return None
    reason = seen.job.reason or "SageMaker gives no FailureReason"
    return (
        f"Transform job {seen.job.name} failed, and leaves {len(seen.missing)} of"
        f" {seen.progress.shards} shards without an output: {reason}. The task recover sends their"
        " records again"
    )


def is_usable(services: Services, job: Job, index: ExtractIndex) -> bool:
    """Tell whether a job that has Completed or Failed is one to go on from.

    It is not where its shards or its outputs were deleted since, or are to be: a load reads both.

    Raises:
        Transient: AWS could not be asked.
    """
    layout = RunLayout.of_manifest(S3Uri.parse(job.manifest))
    missing = missing_outputs(index, services.objects, job.output)
    if job.status == COMPLETED:
        is_whole = not missing
    else:
        is_whole = _leaves_something(services, job, missing, index)
    is_kept = is_whole and has_inputs(index, services.objects, layout)
    return is_kept and not services.objects.has(layout.retired)


def _leaves_something(
    services: Services, job: Job, missing: Sequence[str], index: ExtractIndex
) -> bool:
    """Tell whether a Failed job has outputs, or says of objects why they have none.

    What failed before any object was tried, such as a container that never was ready, has neither.
    """
    if job.status != FAILED:
        return False
    if len(missing) < len(index.shards):
        return bool(missing)
    return bool(blames(services.logs.data_log(job.name), missing))
