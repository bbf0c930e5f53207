"""What a recovery starts from, and what its rounds have brought so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.coverage import Part, allowed_bad
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipeline.job import Limits
from batch_transform.scoring.recovery.decisions import Round, State, after, forgiven
from batch_transform.scoring.recovery.outcome import Outcome
from batch_transform.scoring.recovery.pieces import Extracted
from batch_transform.scoring.recovery.spans import Span


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What is to be recovered from.

    Attributes:
        pipeline: the pipeline.
        index: what its extract wrote.
        inputs: prefix of the extract's shards.
        job: the job that all shards were sent to; it is over.
        root: prefix for what is sent again; each attempt has its own.
        config: the pipeline's part of a request, with its templates filled in.
        since: from when on the deadline counts, and faults of the service do, where a person has
            cleared the task; None: from the job's creation.
        now: tells the time, by SageMaker's clock.
    """

    pipeline: Pipeline
    index: ExtractIndex
    inputs: S3Uri
    job: Job
    root: S3Uri
    config: Mapping[str, Any]
    now: Callable[[], datetime]
    since: datetime | None = None

    @property
    def limits(self) -> Limits:
        """When the run gives up."""
        return self.pipeline.settings.limits.of_share(self.index.share)

    @property
    def allowed(self) -> int:
        """How many records may be bad: of the partition, which the load holds all jobs to."""
        return allowed_bad(self.pipeline.settings, self.index)

    @property
    def loads_rest(self) -> bool:
        """Whether what is answered is loaded where a limit is hit."""
        return self.limits.on_limit == "load_rest" or bool(self.index.resubmits)

    @property
    def ends(self) -> datetime:
        """When the jobs of the run have had their time."""
        return (self.since or self.job.created) + self.limits.deadline

    @property
    def shards(self) -> tuple[str, ...]:
        """Names of the extract's shards."""
        return tuple(shard.name for shard in self.index.shards)

    def extracted(self, objects: ObjectStore) -> Extracted:
        """Return the shards that records are cut from."""
        return Extracted(
            record=self.pipeline.settings.record,
            index=self.index,
            inputs=self.inputs,
            objects=objects,
        )


@dataclass(kw_only=True)
class Search:
    """The search for the bad records of a run.

    Attributes:
        run: what is recovered from.
        state: what is known of the records.
        parts: where the answers lie.
        jobs: the first job, and those that sent records again.
        contents: digests of what those were sent, in the same order.
        diagnoses: how many of the jobs looked for one record alone.
    """

    run: Recovery
    state: State
    parts: dict[Span, Part]
    jobs: list[Job]
    contents: list[str] = field(default_factory=list)
    diagnoses: int = 0

    def add(self, sent: Round, job: Job, outcome: Outcome, content: str) -> None:
        """Add what a round of some content has brought."""
        self.diagnoses += self.is_over_limit and not self.run.loads_rest
        self.state = after(self.state, sent, outcome.blamed)
        self.forgive(job)
        self.parts.update(outcome.parts)
        self.jobs.append(job)
        self.contents.append(content)

    def forgive(self, job: Job) -> None:
        """Forget faults of the service in a job of before the task was cleared."""
        if self.run.since is not None and job.created < self.run.since:
            self.state = forgiven(self.state)

    @property
    def is_over_limit(self) -> bool:
        """Whether more records are bad than may be."""
        return self.state.certain > self.run.allowed


def hours_of(jobs: Sequence[Job]) -> float:
    """Return the instance hours of jobs."""
    counts = [int(job.described["TransformResources"]["InstanceCount"]) for job in jobs]
    return sum(job.seconds * count for job, count in zip(jobs, counts, strict=True)) / 3600
