"""Who a transform job belongs to: each task of a run that wants it, as a tag of the job.

A job's name says what it does, not for whom. A retry, a cleared task, another run of the same
partition or another deployment may all want the same job. Each writes a tag of its own, and the job
is stopped when the last one gives it up. Tags, because they are the only thing of a job that can be
changed, and because every worker and every triggerer sees them.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, unquote

from batch_transform.scoring.errors import Transient
from batch_transform.scoring.jobs.service import IN_PROGRESS, Job, TransformJobs

MOST_TAGS = 50  # of a job: https://docs.aws.amazon.com/sagemaker/latest/dg/custom-tags.html
OWN_PREFIX = "batch-transform:"
DIGEST_TAG = f"{OWN_PREFIX}digest"
DEPLOYMENT_TAG = f"{OWN_PREFIX}deployment"
RUN_TAG = f"{OWN_PREFIX}started-by"
_OWNER_TAG = f"{OWN_PREFIX}owner"
_LONGEST_VALUE = 256
# A tag's value may have no percent sign.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
_ESCAPE, _SEPARATOR = "=", "/"
_KEY = re.compile(rf"{_OWNER_TAG}:[0-9a-f]+:[0-9a-f]+")
_VALUE = re.compile(r"(\d+)/(-?\d+)/([^/]*)/([^/]*)/([^/]*)")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """One attempt at a task of a run.

    Attributes:
        deployment: where the deployment keeps its objects, which no other one shares.
        dag_id: the task's DAG.
        run_id: the task's run.
        task_id: the task.
        map_index: of a mapped task; -1 for others.
        try_number: counts the attempts at the task in this run, clears included.
    """

    deployment: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1

    @property
    def key(self) -> str:
        """The tag's key: the same for all attempts at the task in this run."""
        task = _digest(self.dag_id, self.run_id, self.task_id, str(self.map_index))
        return f"{_OWNER_TAG}:{_digest(self.deployment)}:{task}"

    @property
    def mark(self) -> dict[str, str]:
        """The tag from which the attempt can be read again; several where its ids are long."""
        # The number has one width, so that a later attempt has no tag less than one before it.
        parts = (
            f"{self.try_number:04}",
            str(self.map_index),
            self.task_id,
            self.dag_id,
            self.run_id,
        )
        text = _SEPARATOR.join(map(_quoted, parts))
        pieces = range(0, len(text), _LONGEST_VALUE)
        return {
            f"{self.key}:{number}" if number else self.key: text[start : start + _LONGEST_VALUE]
            for number, start in enumerate(pieces)
        }

    @property
    def run(self) -> str:
        """The run's name as the value of a tag."""
        return _digest(self.deployment, self.dag_id, self.run_id)

    def tags(self, digest: str) -> dict[str, str]:
        """Return the tags of a job that this attempt starts."""
        return {
            **self.mark,
            DIGEST_TAG: digest,
            DEPLOYMENT_TAG: _digest(self.deployment),
            RUN_TAG: self.run,
        }

    def is_followed(self, tags: Mapping[str, str]) -> bool:
        """Tell whether a later attempt at the same task has written itself on the job."""
        later = _owner(tags, self.key, self.deployment)
        return later is not None and later.try_number > self.try_number


class Stop(Enum):
    """What became of the wish to stop a job."""

    STOPPED = "StopTransformJob was called"
    OVER = "the job is not running"
    OWNED = "another run or a later attempt wants the job"


def claim(jobs: TransformJobs, job: Job, owner: Owner) -> None:
    """Make an attempt an owner of a job, in the place of earlier attempts at the same task.

    A job that is over has no owner: there is nothing to stop.

    Raises:
        Transient: the job has as many owners as it can, which matters no more once it is over; or
            AWS could not be asked.
    """
    if job.status != IN_PROGRESS:
        return
    after = {**jobs.tags(job.arn), **owner.mark}
    if len(after) > MOST_TAGS:
        raise Transient(
            f"Transform job {job.name} would have {len(after)} tags, and SageMaker allows"
            f" {MOST_TAGS}: so many runs want it at once. Its outputs are used once it is over"
        )
    jobs.tag(job.arn, owner.mark)


def give_up(jobs: TransformJobs, name: str, owner: Owner) -> Stop:
    """Take an owner off a job, and stop the job where it was the last."""
    job = jobs.find(name)
    if job is None or job.status != IN_PROGRESS:
        return Stop.OVER
    if owner.is_followed(jobs.tags(job.arn)):
        return Stop.OWNED
    jobs.untag(job.arn, list(owner.mark))
    if any(key.startswith(f"{_OWNER_TAG}:") for key in jobs.tags(job.arn)):
        return Stop.OWNED
    return Stop.STOPPED if jobs.stop(name) else Stop.OVER


@dataclass(frozen=True, kw_only=True)
class Owners:
    """All owners of a job of a deployment.

    Attributes:
        of_deployment: those of the deployment itself.
        has_others: whether there are others, of other deployments, which it cannot ask about.
    """

    of_deployment: tuple[Owner, ...]
    has_others: bool


def owners(tags: Mapping[str, str], deployment: str) -> Owners | None:
    """Read the owners of a job; None where the job is none of the deployment's."""
    keys = [key for key in tags if _KEY.fullmatch(key)]
    mine = [key for key in keys if key.startswith(f"{_OWNER_TAG}:{_digest(deployment)}:")]
    if not mine and tags.get(DEPLOYMENT_TAG) != _digest(deployment):
        return None
    known = [owner for key in mine if (owner := _owner(tags, key, deployment)) is not None]
    return Owners(of_deployment=tuple(known), has_others=len(known) < len(keys))


def _owner(tags: Mapping[str, str], key: str, deployment: str) -> Owner | None:
    """Read the owner that has marked a job with a key; None where it has not, or is unreadable."""
    text, number = tags.get(key, ""), 1
    while (more := tags.get(f"{key}:{number}")) is not None:
        text, number = text + more, number + 1
    match = _VALUE.fullmatch(text)
    if match is None:
        return None
    task_id, dag_id, run_id = (unquote(each.replace(_ESCAPE, "%")) for each in match.groups()[2:])
    return Owner(
        deployment=deployment,
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=int(match[2]),
        try_number=int(match[1]),
    )


def _quoted(text: str) -> str:
    """Leave the characters that a tag's value may have: of those, ``quote`` alone keeps a tilde."""
    return quote(text, safe=" :+@").replace("~", "%7E").replace("%", _ESCAPE)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
