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

from batch_transform.scoring.jobs.service import IN_PROGRESS, Job, TransformJobs

DIGEST_TAG = "batch-transform:digest"
DEPLOYMENT_TAG = "batch-transform:deployment"
RUN_TAG = "batch-transform:started-by"
_OWNER_TAG = "batch-transform:owner"
_LONGEST_VALUE = 256
# A tag's value may have no percent sign.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
_ESCAPE, _SEPARATOR = "=", "/"


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
    def value(self) -> str:
        """The tag's value, from which the attempt can be read again; empty where it is too long."""
        parts = (self.try_number, self.map_index, self.task_id, self.dag_id, self.run_id)
        text = _SEPARATOR.join(_quoted(str(part)) for part in parts)
        return text if len(text) <= _LONGEST_VALUE else ""

    @property
    def run(self) -> str:
        """The run's name as the value of a tag."""
        return _digest(self.deployment, self.dag_id, self.run_id)

    def tags(self, digest: str) -> dict[str, str]:
        """Return the tags of a job that this attempt starts."""
        return {
            self.key: self.value,
            DIGEST_TAG: digest,
            DEPLOYMENT_TAG: _digest(self.deployment),
            RUN_TAG: self.run,
        }

    def is_followed(self, tags: Mapping[str, str]) -> bool:
        """Tell whether a later attempt at the same task has written itself on the job."""
        later = _parsed(tags.get(self.key, ""), self.deployment)
        return later is not None and later.try_number > self.try_number


class Stop(Enum):
    """What became of the wish to stop a job."""

    STOPPED = "StopTransformJob was called"
    OVER = "the job is not running"
    OWNED = "another run or a later attempt wants the job"


def claim(jobs: TransformJobs, job: Job, owner: Owner) -> None:
    """Make an attempt an owner of a job, in the place of earlier attempts at the same task."""
    jobs.tag(job.arn, {owner.key: owner.value})


def give_up(jobs: TransformJobs, name: str, owner: Owner) -> Stop:
    """Take an owner off a job, and stop the job where it was the last."""
    job = jobs.find(name)
    if job is None or job.status != IN_PROGRESS:
        return Stop.OVER
    if owner.is_followed(jobs.tags(job.arn)):
        return Stop.OWNED
    jobs.untag(job.arn, [owner.key])
    if any(key.startswith(f"{_OWNER_TAG}:") for key in jobs.tags(job.arn)):
        return Stop.OWNED
    return Stop.STOPPED if jobs.stop(name) else Stop.OVER


@dataclass(frozen=True, kw_only=True)
class Owners:
    """All owners of a job of a deployment.

    Attributes:
        of_deployment: those of the deployment itself.
        has_others: whether there are others, which it cannot ask about: of other deployments, or
            with ids too long for a tag.
    """

    of_deployment: tuple[Owner, ...]
    has_others: bool


def owners(tags: Mapping[str, str], deployment: str) -> Owners | None:
    """Read the owners of a job; None where the job is none of the deployment's."""
    mine = f"{_OWNER_TAG}:{_digest(deployment)}:"
    values = {key: value for key, value in tags.items() if key.startswith(f"{_OWNER_TAG}:")}
    if tags.get(DEPLOYMENT_TAG) != _digest(deployment) and not any(
        key.startswith(mine) for key in values
    ):
        return None
    readable = {
        key: owner
        for key, value in values.items()
        if key.startswith(mine) and (owner := _parsed(value, deployment)) is not None
    }
    return Owners(of_deployment=tuple(readable.values()), has_others=len(readable) < len(values))


def _parsed(value: str, deployment: str) -> Owner | None:
    parts = [unquote(part.replace(_ESCAPE, "%")) for part in value.split(_SEPARATOR)]
    if (
        len(parts) != 5
        or not re.fullmatch(r"\d+", parts[0])
        or not re.fullmatch(r"-?\d+", parts[1])
    ):
        return None
    try_number, map_index, task_id, dag_id, run_id = parts
    return Owner(
        deployment=deployment,
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=int(map_index),
        try_number=int(try_number),
    )


def _quoted(text: str) -> str:
    """Leave the characters that a tag's value may have: of those, ``quote`` alone keeps a tilde."""
    return quote(text, safe=" :+@").replace("~", "%7E").replace("%", _ESCAPE)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
