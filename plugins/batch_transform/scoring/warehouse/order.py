"""Which of two loads of a partition counts: the one whose extract read its source later.

Loads end in any order: a run may wait hours for an instance, or have its load cleared next week.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from batch_transform.scoring.errors import Superseded, TargetTaken
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.protocol import Load


def settled(load: Load, current: Entry | None) -> Load:
    """Return the load as it may take the place of the one in force.

    Where both put the same rows there, these are as new as the newer of the two.

    Raises:
        TargetTaken: another pipeline loaded the partition.
        Superseded: a newer extract is in force; or another load than the one to add rows to.
    """
    entry = load.entry
    if current is None:
        if load.adds_to:
            raise superseded(load.target, load.partition)
        return load
    if current.pipeline != entry.pipeline and not load.forced:
        raise TargetTaken(_taken(load, current))
    if current.digest == entry.digest:
        times = [at for at in (current.snapshot_at, entry.snapshot_at) if at is not None]
        return replace(load, entry=replace(entry, snapshot_at=max(times, default=None)))
    if load.adds_to and current.digest != load.adds_to:
        raise superseded(load.target, load.partition)
    if _is_older(entry, current) and not load.forced:
        raise Superseded(_older(load, current))
    return load


def _is_older(entry: Entry, current: Entry) -> bool:
    mine, theirs = entry.snapshot_at, current.snapshot_at
    return mine is not None and theirs is not None and mine < theirs


def _older(load: Load, current: Entry) -> str:
    return (
        f"Partition {load.partition} of {load.target.table} holds newer data: those of run"
        f" {current.run_id}, whose extract read its source at {current.snapshot_at:%F %T %Z}. This"
        f" run's read it at {load.entry.snapshot_at:%F %T %Z}; nothing was changed. Nothing is to"
        " be done, unless the newer data are wrong: then trigger a run of the partition, which"
        " reads the source again"
    )


def _taken(load: Load, current: Entry) -> str:
    return (
        f"Partition {load.partition} of {load.target.table} was loaded by the pipeline"
        f" {current.pipeline!r}, in run {current.run_id}; nothing was changed. Two pipelines cannot"
        " share a target: name another in target.table. Where this is the same pipeline under a new"
        " name, trigger a run of the partition with publish_blocked, which takes it over"
    )


def superseded(target: Target, partition: date) -> Superseded:
    """Return the error of a load that adds to what is not in force any more."""
    return Superseded(
        f"Partition {partition} of {target.table} has been loaded anew since its quarantined"
        " records were sent again; nothing was changed. Trigger resubmit once more, for what is in"
        " quarantine now"
    )
