"""Who a transform job belongs to: the attempt that last wrote its id on the job.

A job's name says what it does, not for whom. Several attempts may meet at one job: a retry, a
cleared task, another run of the same partition. The tags tell who came last, and only that attempt
may stop the job. Tags, because they are the only thing of a job that can be changed, and because
every worker and every triggerer sees them.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from batch_transform.scoring.jobs.service import IN_PROGRESS, Job, TransformJobs

OWNER_TAG = "batch-transform:owner"
RUN_TAG = "batch-transform:run"
DIGEST_TAG = "batch-transform:digest"

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html; Airflow's own pattern for
# the ids of runs allows a tilde, and a deployment may allow more.
_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+\-@]")


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """One attempt at a task.

    Attributes:
        attempt: id that Airflow makes anew for each attempt at a task.
        run: id of the DAG run, the same for all its attempts.
    """

    attempt: str
    run: str

    @property
    def run_tag(self) -> str:
        """The run's id as the value of a tag, which may hold fewer characters."""
        return _NOT_IN_TAGS.sub("_", self.run)

    def tags(self, digest: str) -> dict[str, str]:
        """Return the tags of a job that this attempt starts."""
        return {OWNER_TAG: self.attempt, RUN_TAG: self.run_tag, DIGEST_TAG: digest}


class Stop(Enum):
    """What became of the wish to stop a job."""

    STOPPED = "StopTransformJob was called"
    OVER = "the job is not running"
    OWNED = "a newer attempt owns the job"


def claim(jobs: TransformJobs, job: Job, claimant: Claimant) -> None:
    """Make an attempt the owner of a job; whoever owned it may not stop it any more."""
    jobs.tag(job.arn, {OWNER_TAG: claimant.attempt})


def stop_if_owned(
    jobs: TransformJobs, name: str, *attempts: str, wait_for_heir: Callable[[], bool]
) -> Stop:
    """Stop a job unless a newer attempt owns it.

    Args:
        jobs: where the job is.
        name: the job.
        attempts: those that are over.
        wait_for_heir: asked while one of them still owns the job: pauses and says whether to look
            once more, because a newer attempt may be about to attach.
    """
    while True:
        job = jobs.find(name)
        if job is None or job.status != IN_PROGRESS:
            return Stop.OVER
        if jobs.tags(job.arn).get(OWNER_TAG) not in attempts:
            return Stop.OWNED
        if not wait_for_heir():
            break
    return Stop.STOPPED if jobs.stop(name) else Stop.OVER
