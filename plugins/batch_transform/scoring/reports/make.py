"""Makes a report of what is known about a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from batch_transform.scoring.jobs.request import public
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.reports.comparison import Change
from batch_transform.scoring.reports.figures import predicted
from batch_transform.scoring.reports.left import Left, RanJob
from batch_transform.scoring.reports.report import (
    Check,
    Funnel,
    JobRun,
    Progress,
    RunReport,
    TaskRun,
)
from batch_transform.scoring.warehouse.ledger import Entry

MOST_RECORDS = 200  # of those in quarantine; all of them are in the file that the report names

# What DescribeTransformJob repeats of the request, and values that may be secret.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
_REQUEST = (
    "TransformJobName",
    "ModelName",
    "BatchStrategy",
    "MaxConcurrentTransforms",
    "MaxPayloadInMB",
    "ModelClientConfig",
    "TransformInput",
    "TransformOutput",
    "TransformResources",
    "DataProcessing",
    "DataCaptureConfig",
    "Environment",
    "ExperimentConfig",
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a run beside what it has left.

    Attributes:
        pipeline: the pipeline.
        table: where its predictions go.
        dag_id: of the run.
        run_id: of the run.
        state: of the run.
        now: when the report is made.
        partition: the day it is to score, as far as it is known without an extract.
        plan: what it was to do, as far as that is known without an extract.
        tasks: in the order of the run.
        progress: of the transform job.
        checks: name and level of each that is declared.
        entry: the ledger's, where the run has loaded the partition; else that of ``loaded.json``
            is taken.
        history: entries of the partitions before it, latest first.
        published: whether the load changed the target; None where it has not come so far.
        prices: US dollars for an hour of an instance, by its type.
    """

    pipeline: str
    table: str
    dag_id: str
    run_id: str
    state: str
    now: datetime
    partition: date | None = None
    plan: dict[str, Any] | None = None
    tasks: Sequence[TaskRun] = ()
    progress: Progress | None = None
    checks: Sequence[tuple[str, str]] = ()
    entry: Entry | None = None
    history: Sequence[Entry] = ()
    published: bool | None = None
    prices: Mapping[str, float] = field(default_factory=dict)


def report_of(known: Known, left: Left) -> RunReport:
    """Make the report of a run, whatever it has come to."""
    index, loaded = left.index, left.loaded
    entry = known.entry or (loaded.entry if loaded else None)
    first = left.jobs[0].job if left.jobs else None
    return RunReport(
        pipeline=known.pipeline,
        dag_id=known.dag_id,
        run_id=known.run_id,
        state=known.state,
        made_at=known.now,
        partition=index.partition if index else known.partition,
        table=known.table,
        model=first.model if first else "",
        snapshot_at=left.snapshot_at,
        funnel=_funnel(left, entry),
        progress=known.progress,
        tasks=tuple(known.tasks),
        jobs=tuple(
            _job(max(0, number), each, known.prices)
            for number, each in enumerate(left.jobs, start=1 - left.first_jobs)
        ),
        predictions=tuple(predicted(entry, known.history)) if entry else (),
        checks=tuple(_checks(known, left)),
        change=_change(known, left),
        quarantined=tuple(map(_named, left.quarantined[:MOST_RECORDS])),
        request=request_of(first) if first else None,
        plan=left.plan or known.plan,
        places=dict(_places(left, first)),
    )


def _named(record: Quarantined) -> Quarantined:
    """Leave the line that was sent in quarantine: a report goes further than that does."""
    return record.model_copy(update={"record": ""})


def request_of(job: Job) -> dict[str, Any]:
    """Return the CreateTransformJob request of a job; of its environment the names alone."""
    described = job.described
    return public({key: described[key] for key in _REQUEST if described.get(key)})


def _funnel(left: Left, entry: Entry | None) -> Funnel:
    """Count by the entry of the load, where it has come so far, else by what is in S3."""
    index = left.index
    if index is None:
        return Funnel()
    shards = {
        "shards": len(index.shards),
        "size": sum(shard.bytes for shard in index.shards),
    }
    if entry is not None:
        names = ["source_rows", "oversized", "records", "quarantined"]
        names += [] if left.loaded and left.loaded.unpublished else ["rows"]
        return Funnel(**shards, **{name: getattr(entry, name) for name in names})
    return Funnel(
        **shards,
        source_rows=index.records + index.quarantined,
        oversized=index.quarantined,
        records=index.records,
        quarantined=len(left.quarantined) or None,
    )


def _job(number: int, ran: RanJob, prices: Mapping[str, float]) -> JobRun:
    job = ran.job
    price = prices.get(job.instance_type)
    return JobRun(
        name=job.name,
        round=number,
        status=job.status,
        reason=job.reason,
        model=job.model,
        instance_type=job.instance_type,
        instance_count=job.instance_count,
        paid_here=ran.paid_here,
        created=job.created,
        started=job.described.get("TransformStartTime"),
        ended=job.described.get("TransformEndTime"),
        seconds=job.seconds,
        dollars=None if price is None else job.instance_seconds / 3600 * price,
    )


def _checks(known: Known, left: Left) -> Iterator[Check]:
    """Yield the declared checks, then findings that are of none of them."""
    found = known.entry.findings if known.entry else left.loaded.findings if left.loaded else ()
    facts = {name: text for name, _, text in (str(each).partition(": ") for each in found)}
    if known.entry or left.loaded:
        for name, level in known.checks:
            yield Check(name=name, level=level, facts=facts.pop(name, ""))
    for name, text in facts.items():
        yield Check(name=name, level="warn", facts=text)


def _change(known: Known, left: Left) -> Change | None:
    loaded = left.loaded
    if loaded is None:
        return None if known.published is None else Change(published=known.published)
    return Change(
        published=loaded.changed if known.published is None else known.published,
        unpublished=loaded.unpublished,
        replaced_rows=loaded.replaced_rows,
        comparison=loaded.comparison,
        flips=loaded.flips,
    )


def _places(left: Left, job: Job | None) -> Iterator[tuple[str, str]]:
    if left.layout is not None:
        yield "index", str(left.layout.index)
        if left.quarantined:
            yield "quarantine", str(left.layout.quarantine / "records.jsonl")
    if job is not None:
        yield "manifest", job.manifest
        yield "outputs", str(job.output)
