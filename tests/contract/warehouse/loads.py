"""Loads made by hand: rows on a stage, and the entry that goes with them."""

from contextlib import contextmanager
from datetime import UTC, date, datetime

from batch_transform.scoring.names import content_digest
from batch_transform.scoring.outputs.staged import StagedColumn, staging
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.protocol import Load

BAD = Quarantined(
    id=("7", "red"), shard="part-00000.csv", line=3, status="400", reason="it's bad", record="7,red"
)
FIRST, SECOND, THIRD = date(2013, 6, 1), date(2013, 6, 2), date(2013, 6, 3)
NUMBERS = (StagedColumn(name="apple_id", type="bigint"), StagedColumn(name="score", type="double"))
MIXED = (
    StagedColumn(name="apple_id", type="text"),
    StagedColumn(name="select", type="double", nullable=True),
    StagedColumn(name="sort", type="text", nullable=True),
    StagedColumn(name="ripe", type="boolean"),
    StagedColumn(name="pips", type="bigint"),
)


def a_load(target, partition, rows, **changes):
    """A load of rows; ``digest``, ``snapshot_at``, ``pipeline`` and what a Load has may be given.

    ``kept`` is how many rows are in the partition that ``adds_to`` names.
    """
    kept = changes.pop("kept", 0)
    entry = Entry(
        pipeline=changes.pop("pipeline", "apples"),
        partition=partition,
        digest=changes.pop("digest", content_digest(repr(rows))),
        run_id="manual__2013",
        job_name="apples-2013-06-01-0123456789ab",
        model="apples",
        source_rows=len(rows),
        oversized=0,
        records=len(rows),
        quarantined=0,
        transform_jobs=1,
        rows=len(rows) + kept,
        loaded_at=datetime(2013, 6, 2, 2, 30, tzinfo=UTC),
        instance_type="ml.m5.large",
        instance_count=2,
        transform_seconds=12.5,
        profile={"score": {"mean": 0.5}},
        snapshot_at=changes.pop("snapshot_at", None),
        findings=["row_count: few"],
    )
    return Load(
        **{"target": target, "columns": NUMBERS, "ids": 1, "typed": True, "entry": entry, **changes}
    )


@contextmanager
def stage_of(load, rows):
    with staging(load.columns) as staged:
        staged.add_rows(rows)
        yield staged


def replace(warehouse, target, partition, rows, **changes):
    load = a_load(target, partition, rows, **changes)
    with stage_of(load, rows) as staged:
        return warehouse.replace(load, staged)
