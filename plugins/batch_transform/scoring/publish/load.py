"""Loads a partition: reads and proves the outputs, checks them, and swaps them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import PartitionBlocked
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.reconcile import Account, columns_of, stage_outputs
from batch_transform.scoring.outputs.staged import staging
from batch_transform.scoring.publish import resubmit
from batch_transform.scoring.publish.compare import Comparison, Sides, compare
from batch_transform.scoring.publish.judge import Finding, Measured, history_needed, judge
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.publish.loaded import Loaded
from batch_transform.scoring.publish.profile import Profile, profiles
from batch_transform.scoring.records import quarantine
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.order import superseded
from batch_transform.scoring.warehouse.protocol import Load, Rows, Warehouse

Open = Callable[[], AbstractContextManager[Warehouse]]


def load(run: LoadRun, objects: ObjectStore, open_warehouse: Open) -> Loaded:
    """Replace the partition, whole or not at all; or only say what would replace it.

    Args:
        run: what to load.
        objects: where outputs, and what goes to quarantine, are.
        open_warehouse: lends the warehouse: no connection is open while outputs are read.

    Raises:
        OutputError: the outputs do not account for every record.
        PartitionBlocked: a check says no.
        TargetMismatch: the target is not as declared.
        Superseded: a newer extract is in force.
        TargetTaken: another pipeline loaded the partition.
    """
    settings = run.pipeline.settings
    before = added_to(run, open_warehouse)
    if before is not None and before.digest == run.digest:
        return unchanged(run, before)
    with staging(columns_of(settings, run.index)) as staged:
        account = stage_outputs(run.pipeline, run.index, objects, run.coverage, staged)
        ready = Ready(account=account, profiles=profiles(staged, settings.predictions), rows=staged)
        return put(run, ready, before, objects, open_warehouse)


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A partition that is proven.

    Attributes:
        account: what became of every row of the source.
        profiles: figures of each predicted column.
        rows: its rows, wherever they lie.
    """

    account: Account
    profiles: dict[str, Profile]
    rows: Rows


def unchanged(run: LoadRun, before: Entry) -> Loaded:
    """Return what a load has done that was in force already."""
    return Loaded(
        entry=before,
        changed=False,
        quarantined=before.quarantined,
        findings=(),
        jobs=run.job_names,
    )


def put(
    run: LoadRun,
    ready: Ready,
    before: Entry | None,
    objects: ObjectStore,
    open_warehouse: Open,
) -> Loaded:
    """Check a partition that is proven, and put it into the warehouse.

    ``before`` is the entry of the load that it adds rows to; None where it replaces them.
    """
    account, measured = ready.account, ready.profiles
    plan = _plan(run, account, measured)
    if before is not None:
        measured = resubmit.together(measured, plan.entry, before)
        plan = replace(plan, entry=resubmit.added(plan.entry, before, measured))
    if account.quarantined:
        objects.put(_records(run), quarantine.to_json_lines(account.quarantined))
    with open_warehouse() as warehouse:
        current = warehouse.in_force(plan.target, plan.partition)
        comparison = _compared(run, plan, warehouse, ready.rows, current)
        findings = _judged(run, plan, warehouse, measured, current)
        _let_pass(run, plan, findings, current, comparison)
        entry = replace(plan.entry, findings=[str(finding) for finding in findings])
        plan = replace(plan, entry=entry)
        changed = not run.unpublished and warehouse.replace(plan, ready.rows).changed
    return Loaded(
        entry=entry,
        changed=changed,
        quarantined=entry.quarantined,
        findings=tuple(findings),
        jobs=run.job_names,
        unpublished=run.unpublished,
        before=current,
        comparison=comparison,
    )


def added_to(run: LoadRun, open_warehouse: Open) -> Entry | None:
    """Return the entry of the load whose quarantined records these are; None where they are not.

    Raises:
        Superseded: another load is in force by now.
    """
    if not run.index.resubmits:
        return None
    target, partition = run.pipeline.settings.target, run.index.partition
    with open_warehouse() as warehouse:
        entry = warehouse.in_force(target, partition)
    if entry is None or entry.digest not in (run.index.resubmits, run.digest):
        raise superseded(target, partition)
    return entry


def _plan(run: LoadRun, account: Account, measured: dict[str, Profile]) -> Load:
    settings = run.pipeline.settings
    return Load(
        target=settings.target,
        columns=columns_of(settings, run.index),
        ids=len(settings.record.id),
        typed=bool(run.index.shards),
        entry=_entry(run, account, measured),
        quarantined=account.quarantined,
        adds_to=run.index.resubmits,
        forced=run.publish_blocked,
    )


def _entry(run: LoadRun, account: Account, measured: dict[str, Profile]) -> Entry:
    job, coverage = run.job, run.coverage
    jobs = (job, *run.beside) if job else ()
    instances = max((each.instance_count for each in jobs), default=0)
    return Entry(
        pipeline=run.pipeline.name,
        partition=run.index.partition,
        digest=run.digest,
        run_id=run.run_id,
        job_name=job.name if job else "",
        model=job.model if job else "",
        source_rows=account.source_rows,
        oversized=account.oversized,
        records=account.records,
        quarantined=len(account.quarantined),
        quarantine=str(_records(run)) if account.quarantined else "",
        rows=account.rows,
        loaded_at=run.now(),
        transform_jobs=len(coverage.jobs) + len(jobs),
        instance_type=job.instance_type if job else "",
        instance_count=instances,
        transform_seconds=_seconds(jobs, instances) + coverage.seconds if job else None,
        profile={name: profile.to_dict() for name, profile in measured.items()},
        snapshot_at=run.snapshot_at,
    )


def _seconds(jobs: Sequence[Job], instances: int) -> float:
    """Return how long jobs took together, as if each had so many instances."""
    return sum(each.seconds * each.instance_count / instances for each in jobs)


def _compared(
    run: LoadRun, plan: Load, warehouse: Warehouse, rows: Rows, current: Entry | None
) -> Comparison | None:
    """Compare the load with what it replaces: not where it adds to it, or is the same.

    Nor where its rows are on no worker's disk: they are too many for one.
    """
    if current is None or plan.adds_to or current.digest == plan.entry.digest:
        return None
    if not rows.are_here:
        return None
    staged = rows.here()
    held = warehouse.held(plan, staged.folder)
    if held is None:
        return None
    sides = Sides(staged=staged, ids=plan.ids, held=held, entry=current, is_sample=run.is_sample)
    return compare(sides, run.pipeline.settings.predictions)


def _judged(
    run: LoadRun,
    plan: Load,
    warehouse: Warehouse,
    measured: dict[str, Profile],
    current: Entry | None,
) -> list[Finding]:
    checks = run.pipeline.settings.checks
    if run.is_sample:  # which has as many rows as were asked for
        uncounted = checks.row_count.model_copy(update={"level": "off"})
        checks = checks.model_copy(update={"row_count": uncounted})
    seen = Measured(
        rows=plan.entry.rows,
        profiles=measured,
        history=warehouse.history(plan, history_needed(checks)),
        held=current.rows if current else 0,
    )
    return judge(checks, seen)


def _let_pass(
    run: LoadRun,
    plan: Load,
    findings: Sequence[Finding],
    current: Entry | None,
    comparison: Comparison | None,
) -> None:
    """Stop a load that a check blocks, unless it is in force already, or is not published."""
    mine = (plan.entry.digest, plan.entry.rows)
    is_published = current is not None and (current.digest, current.rows) == mine
    blocking = [finding for finding in findings if finding.level == "block"]
    if blocking and not (run.publish_blocked or is_published or run.unpublished):
        raise _blocked(plan, blocking, comparison)


def _blocked(
    plan: Load, blocking: Sequence[Finding], comparison: Comparison | None
) -> PartitionBlocked:
    listed = "\n  ".join(map(str, blocking))
    would = f"\nIt would replace {comparison}." if comparison else ""
    return PartitionBlocked(
        f"Partition {plan.partition} is not published, and its outputs stay:\n  {listed}{would}\nTo"
        " publish it as it is, trigger a run of this partition with publish_blocked; no new job is"
        " paid"
    )


def _records(run: LoadRun) -> S3Uri:
    return run.quarantine / quarantine.FILE_NAME
