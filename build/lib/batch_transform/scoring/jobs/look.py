"""One look at a transform job: its state, how far it is, and whether its time is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ScoringError
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import end
from batch_transform.scoring.jobs.blame import blames
from batch_transform.scoring.jobs.claim import stop_if_owned
from batch_transform.scoring.jobs.logs import JobLogs
from batch_transform.scoring.jobs.progress import Progress, measure, missing_outputs
from batch_transform.scoring.jobs.service import FAILED, IN_PROGRESS, Job, TransformJobs, get


@dataclass(frozen=True, kw_only=True)
class Services:
    """What a look needs of AWS."""

    jobs: TransformJobs
    objects: ObjectStore
    logs: JobLogs


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The job that an attempt watches.

    Attributes:
        name: the job.
        index: what was sent.
        attempt: who watches.
        deadline: how long the job may take from its creation.
    """

    name: str
    index: ExtractIndex
    attempt: str
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


def look(services: Services, watched: Watched, now: datetime) -> Look:
    """Look at a job, and stop it where its time is up.

    Raises:
        JobMissing: there is no such job.
        Transient: AWS could not be asked.
    """
    job = get(services.jobs, watched.name)
    if job.status == IN_PROGRESS and end.is_late(job, watched.deadline, now):
        stop_if_owned(services.jobs, job.name, watched.attempt, wait_for_heir=lambda: False)
        job = get(services.jobs, watched.name)
    with translated():
        missing = missing_outputs(watched.index, services.objects, job.output)
    started = job.described.get("TransformStartTime")
    return Look(job=job, progress=measure(watched.index, missing, started, now), missing=missing)


def check_done(services: Services, watched: Watched, seen: Look) -> None:
    """Check that a job which is over is a success, or leaves something to recover from.

    Raises:
        ScoringError: it is not; the message carries the reason, and the job's own last words.
    """
    problem = end.failure(seen.job, watched.deadline)
    if problem is None:
        end.check_outputs(seen.job, seen.missing, len(watched.index.shards))
    elif not leaves_something(services, seen.job, seen.missing, watched.index):
        raise _with_log(problem, services.logs, seen.job)


def leaves_something(
    services: Services, job: Job, missing: Sequence[str], index: ExtractIndex
) -> bool:
    """Tell whether a Failed job has outputs, or says of objects why they have none.

    What failed before any object was tried, such as a container that never was ready, has neither.

    Raises:
        Transient: AWS could not be asked.
    """
    if job.status != FAILED:
        return False
    if len(missing) < len(index.shards):
        return bool(missing)
    return bool(blames(services.logs.data_log(job.name), missing))


def _with_log(problem: ScoringError, logs: JobLogs, job: Job) -> ScoringError:
    return type(problem)(f"{problem}\n{logs.tail(job.name)}")
