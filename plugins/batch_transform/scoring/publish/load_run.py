"""What a load is to do, and the digest of what it puts into the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri, content_digest
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class LoadRun:
    """What one run loads.

    Attributes:
        pipeline: the pipeline.
        index: what its extract wrote.
        coverage: where the answers to the records lie.
        quarantine: prefix for the records without a fit prediction.
        snapshot_at: when the extract read its source; None where that was not recorded.
        job: the job that all shards were sent to, or the first of several that share them; None
            where there was no record.
        beside: the others of several.
        run_id: the DAG run.
        publish_blocked: whether a person wants the partition published whatever the checks, or the
            load in force, say.
        unpublished: why the partition is not to be replaced; empty where it is.
        is_sample: whether these are some of the partition's records only.
        now: tells the time, for the ledger.
    """

    pipeline: Pipeline
    index: ExtractIndex
    coverage: Coverage
    quarantine: S3Uri
    job: Job | None
    run_id: str
    beside: tuple[Job, ...] = ()
    snapshot_at: datetime | None = None
    publish_blocked: bool = False
    unpublished: str = ""
    is_sample: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def job_names(self) -> tuple[str, ...]:
        """Names of the jobs whose answers are loaded, those that sent records again last."""
        jobs = (self.job, *self.beside) if self.job else ()
        return (*(job.name for job in jobs), *self.coverage.jobs)

    @property
    def digest(self) -> str:
        """Digest of what is put into the target: equal digests mean equal rows."""
        settings = self.pipeline.settings
        return content_digest(
            {
                "shards": [shard.records_sha256 for shard in self.index.shards],
                "resubmits": self.index.resubmits,
                "jobs": self.job_names or [""],
                "given_up": [(each.shard, each.line) for each in self.coverage.quarantined],
                "placeholder": settings.recover.placeholder,
                "predictions": {n: p.model_dump() for n, p in settings.predictions.items()},
                "bounds": settings.checks.bounds.level,
                "ids": settings.record.id,
                "column": settings.target.partition_column,
            }
        )
