"""What the status of a transform job means: done is Completed with every output, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from batch_transform.scoring.aws.codes import of_reason
from batch_transform.scoring.errors import (
    DeadlinePassed,
    JobStopped,
    OutputError,
    ScoringError,
    UnknownStatus,
)
from batch_transform.scoring.jobs.service import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    STOPPED,
    STOPPING,
    Job,
)

_RUNNING = {IN_PROGRESS, STOPPING}
_NAMED_AT_MOST = 10


def is_over(job: Job) -> bool:
    """Tell whether looking again cannot change anything."""
    return job.status not in _RUNNING


def is_late(job: Job, deadline: timedelta) -> bool:
    """Tell whether a job has had its time; the clock starts when the service took the request."""
    return job.age >= deadline


def failure(job: Job, deadline: timedelta) -> ScoringError | None:
    """Return why a job that is over is no success; None where it Completed."""
    if job.status == COMPLETED:
        return None
    if job.status == FAILED:
        reason = job.reason or "SageMaker gives no FailureReason"
        return of_reason(job.reason)(f"Transform job {job.name} failed: {reason}")
    if job.status == STOPPED:
        return _stopped(job, deadline)
    return UnknownStatus(
        f"Transform job {job.name} is in status {job.status!r}, which this package does not know;"
        " its outputs are not used"
    )


def check_outputs(job: Job, missing: Sequence[str], shards: int) -> None:
    """Check that a Completed job left an output for each shard.

    Raises:
        OutputError: some are missing; they are named.
    """
    if missing:
        raise OutputError(
            f"Transform job {job.name} is Completed, but {len(missing)} of {shards} shards have no"
            f" output below {job.output}: {', '.join(missing[:_NAMED_AT_MOST])}. Clear the"
            " transform task to score them again."
        )


def too_late(job: Job, deadline: timedelta, outcome: str) -> DeadlinePassed:
    """Return the error of a job that has had its time; says what became of it."""
    return DeadlinePassed(
        f"Transform job {job.name} was not over after {deadline}, and {outcome}; raise"
        " limits.deadline, or give it more instances"
    )


def _stopped(job: Job, deadline: timedelta) -> ScoringError:
    ended = job.described.get("TransformEndTime")
    if ended is not None and ended >= job.created + deadline:
        return too_late(job, deadline, "was stopped")
    return JobStopped(
        f"Transform job {job.name} was stopped before it was over; its outputs are not used."
        " Clear the transform task to start another."
    )
