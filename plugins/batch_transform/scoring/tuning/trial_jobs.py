"""Trials as transform jobs on a sample of the records, one after the other.

A trial's job is named by what it does, as every job is: to tune once more pays for no trial twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from typing_extensions import override

from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.jobs import end, request
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.jobs.models import ModelFacts
from batch_transform.scoring.jobs.owners import Owner, give_up
from batch_transform.scoring.jobs.progress import missing_outputs
from batch_transform.scoring.jobs.request_checks import check
from batch_transform.scoring.jobs.service import STOPPED, Job, get
from batch_transform.scoring.jobs.start import JobRequest, Starter, start_or_attach
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.tuning.trial import Seen, Trial


@dataclass(frozen=True, kw_only=True)
class TrialJobs(Starter):
    """The jobs of a search.

    Attributes:
        services: AWS.
        pipeline: the pipeline.
        model: what its model is.
        layout: where the sample lies.
        index: of the sample.
        owner: who wants the jobs.
        budget_minutes: instance minutes after which no other job is started.
        look_seconds: between two looks at a job.
        pause: waits so many seconds.
        spent: seconds of the jobs so far, whoever has paid for them.
    """

    services: Services
    pipeline: Pipeline
    model: ModelFacts
    layout: RunLayout
    index: ExtractIndex
    owner: Owner
    budget_minutes: float
    look_seconds: float = 5.0
    pause: Callable[[float], None] = time.sleep
    spent: list[float] = field(default_factory=list)

    def measure(self, trial: Trial, shards: int | None = None) -> Seen | None:
        """Run a trial's job; None where the budget is used up, or would be.

        Args:
            trial: the settings.
            shards: how many of the sample's to send; all by default.
        """
        if self.is_spent:
            return None
        index = self._sent(self.index.shards[:shards])
        job = self._over(self._request(trial, index))
        self.spent.append(job.instance_seconds)
        return Seen(
            trial=trial,
            records=index.records,
            seconds=job.seconds,
            problem=self._problem(job, index),
        )

    @property
    def is_spent(self) -> bool:
        """Whether one more job, as long as the longest so far, may pass the budget."""
        return sum(self.spent) + max(self.spent, default=0.0) > self.budget_minutes * 60

    def _sent(self, shards: Sequence[Shard]) -> ExtractIndex:
        records = sum(shard.records for shard in shards)
        return self.index.model_copy(update={"shards": tuple(shards), "records": records})

    def _request(self, trial: Trial, index: ExtractIndex) -> JobRequest:
        transform = self.pipeline.settings.transform.model_copy(
            update={
                "instance_type": trial.instance_type,
                "instance_types": None,
                "instance_count": 1,
                "strategy": trial.strategy,
                "max_payload_mb": trial.max_payload_mb,
                "max_concurrent_transforms": trial.max_concurrent_transforms,
            }
        )
        settings = self.pipeline.settings.model_copy(update={"transform": transform})
        sent = {**request.build(settings), "ModelName": self.model.name}
        kinds = (trial.instance_type,)
        place = self.layout.attempt_root / "tune" / str(len(self.spent))
        uri = place / "manifest.json"
        names = [shard.name for shard in index.shards]
        self.services.objects.put(uri, manifest.build(self.layout.input, names))
        made = JobRequest(
            pipeline=self.pipeline.name,
            partition=index.partition.isoformat(),
            digest=request.digest(sent, index, self.model, kinds),
            request=request.reading(sent, uri),
            output=place / "output",
            instance_types=kinds,
            owner=self.owner,
        )
        check(made.to_create(1, 0), len(index.shards))
        return made

    def _over(self, wanted: JobRequest) -> Job:
        """Return the job once it is over; stop it where somebody interrupts."""
        job = start_or_attach(self.services.jobs, wanted, self).job
        try:
            while not end.is_over(job):
                self.pause(self.look_seconds)
                job = get(self.services.jobs, job.name)
        except KeyboardInterrupt:
            give_up(self.services.jobs, job.name, self.owner)
            raise
        return job

    def _problem(self, job: Job, index: ExtractIndex) -> str:
        failed = end.failure(job, timedelta(days=28))
        if failed is not None:
            return str(failed)
        missing = missing_outputs(index, self.services.objects, job.output)
        return f"{len(missing)} of {len(index.shards)} shards have no output" if missing else ""

    @override
    def is_usable(self, job: Job) -> bool:
        """Take a job that is over for what it was: one that failed would fail again."""
        return job.status != STOPPED

    @override
    def check_allowed(self, earlier: Sequence[Job]) -> None:
        """Allow a job after one that was stopped."""

    @override
    def intend(self, name: str) -> None:
        """Keep nothing: whoever interrupts sees the job stop."""
