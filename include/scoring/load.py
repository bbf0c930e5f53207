"""Loads a partition: reads and proves the outputs, checks them, and swaps them in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from include.scoring.checks import Finding, Measured, history_needed, judge
from include.scoring.errors import PartitionBlocked
from include.scoring.index import ExtractIndex
from include.scoring.jobs.service import Job as DescribedJob
from include.scoring.ledger import Entry
from include.scoring.names import S3Uri, content_digest
from include.scoring.objects import ObjectStore
from include.scoring.outputs.fetch import Places
from include.scoring.outputs.reconcile import Account, columns_of, stage_outputs
from include.scoring.outputs.staged import staging
from include.scoring.profile import Profile, profiles
from include.scoring.spec import Pipeline
from include.scoring.warehouse.loader import Load, Warehouse


@dataclass(frozen=True, kw_only=True)
class Job:
    """The transform job whose outputs are loaded; with no name where there was no record.

    Attributes:
        name: its name; with the shards it stands for the content of the outputs.
        model: name of the model it used.
        instance_type: what it ran on.
        instance_count: how many of them.
        seconds: from its start to its end, where that is known.
    """

    name: str = ""
    model: str = ""
    instance_type: str = ""
    instance_count: int = 0
    seconds: float | None = None

    @classmethod
    def of(cls, job: DescribedJob) -> Job:
        """Take from a job's description what the ledger keeps."""
        started = job.described.get("TransformStartTime")
        ended = job.described.get("TransformEndTime")
        return cls(
            name=job.name,
            model=job.described["ModelName"],
            instance_type=job.instance_type,
            instance_count=job.described["TransformResources"]["InstanceCount"],
            seconds=(ended - started).total_seconds() if started and ended else None,
        )


@dataclass(frozen=True, kw_only=True)
class LoadRun:
    """What one run loads.

    Attributes:
        pipeline: the pipeline.
        index: what its extract wrote.
        places: where shards and outputs lie.
        quarantine: prefix for the records whose prediction does not fit.
        job: the job that wrote the outputs.
        run_id: the DAG run.
        publish_blocked: whether a person wants the partition published whatever the checks say.
        now: tells the time, for the ledger.
    """

    pipeline: Pipeline
    index: ExtractIndex
    places: Places
    quarantine: S3Uri
    job: Job
    run_id: str
    publish_blocked: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a load did.

    Attributes:
        rows: rows that the partition holds now.
        changed: False where it held this very load already.
        misfits: records in quarantine.
        findings: checks that failed, yet did not keep the partition from being published.
    """

    rows: int
    changed: bool
    misfits: int
    findings: tuple[Finding, ...]


def load(run: LoadRun, objects: ObjectStore, warehouse: Warehouse) -> Loaded:
    """Replace the partition, whole or not at all.

    Raises:
        OutputError: the outputs do not account for every record.
        PartitionBlocked: a check says no.
        TargetMismatch: the target is not as declared.
    """
    columns = columns_of(run.pipeline.settings, run.index)
    with staging(columns) as staged:
        account = stage_outputs(run.pipeline, run.index, objects, run.places, staged)
        measured = profiles(staged, run.pipeline.settings.predictions)
        plan = _plan(run, account, measured)
        findings = _judged(run, plan, warehouse, measured)
        _quarantine(run, account, objects)
        published = warehouse.replace(_with_findings(plan, findings), staged)
    return Loaded(
        rows=published.rows,
        changed=published.changed,
        misfits=len(account.misfits),
        findings=tuple(findings),
    )


def digest_of(run: LoadRun) -> str:
    """Digest what a load puts into the target: equal digests mean equal rows."""
    settings = run.pipeline.settings
    return content_digest(
        {
            "shards": [shard.sha256 for shard in run.index.shards],
            "job": run.job.name,
            "predictions": {n: p.model_dump() for n, p in settings.predictions.items()},
            "bounds": settings.checks.bounds.level,
            "ids": settings.record.id,
            "column": settings.target.partition_column,
        }
    )


def _plan(run: LoadRun, account: Account, measured: dict[str, Profile]) -> Load:
    settings = run.pipeline.settings
    entry = Entry(
        pipeline=run.pipeline.name,
        partition=run.index.partition,
        digest=digest_of(run),
        run_id=run.run_id,
        job_name=run.job.name,
        model=run.job.model,
        source_rows=account.source_rows,
        oversized=account.oversized,
        records=account.records,
        misfits=len(account.misfits),
        rows=account.rows,
        loaded_at=run.now(),
        instance_type=run.job.instance_type,
        instance_count=run.job.instance_count,
        transform_seconds=run.job.seconds,
        profile={name: profile.to_dict() for name, profile in measured.items()},
    )
    return Load(
        target=settings.target,
        columns=columns_of(settings, run.index),
        ids=len(settings.record.id),
        typed=bool(run.index.shards),
        entry=entry,
    )


def _judged(
    run: LoadRun, plan: Load, warehouse: Warehouse, measured: dict[str, Profile]
) -> list[Finding]:
    checks = run.pipeline.settings.checks
    history = warehouse.history(plan, history_needed(checks))
    findings = judge(checks, Measured(rows=plan.entry.rows, profiles=measured, history=history))
    blocking = [finding for finding in findings if finding.level == "block"]
    if blocking and not run.publish_blocked and not warehouse.holds(plan):
        listed = "\n  ".join(map(str, blocking))
        raise PartitionBlocked(
            f"Partition {run.index.partition} is not published, and its outputs stay below"
            f" {run.places.output}:\n  {listed}\nTo publish it as it is, trigger a run of this"
            " partition with publish_blocked; no new job is paid"
        )
    return findings


def _with_findings(plan: Load, findings: list[Finding]) -> Load:
    entry = replace(plan.entry, findings=[str(finding) for finding in findings])
    return replace(plan, entry=entry)


def _quarantine(run: LoadRun, account: Account, objects: ObjectStore) -> None:
    if not account.misfits:
        return
    lines = [
        json.dumps({"id": each.id, "shard": each.shard, "line": each.line, "reason": each.reason})
        for each in account.misfits
    ]
    objects.put(run.quarantine / "predictions.jsonl", "".join(f"{x}\n" for x in lines).encode())
