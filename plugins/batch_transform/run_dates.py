"""Which partition a run of a pipeline's DAG scores, seen from Airflow's own database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from batch_transform.params import PARTITION
from batch_transform.scoring.errors import PartitionError
from batch_transform.scoring.partition import Partition, RunDates, resolve


def partition_of_row(run: Any, timezone: str) -> Partition | None:
    """Resolve a run's partition as its own tasks do; None where it names none that is over.

    Args:
        run: a ``DagRun``, or a row with what it says of its date.
        timezone: the pipeline's.
    """
    dates = RunDates(
        parameter=str((run.conf or {}).get(PARTITION) or "") or None,
        partition_key=run.partition_key,
        logical_date=run.logical_date,
        manual=run.run_type == "manual",
        backfill=run.run_type == "backfill",
        run_after=due(run, backfill=run.run_type == "backfill"),
    )
    try:
        return resolve(dates, timezone).partition
    except PartitionError:
        return None


def due(run: Any, *, backfill: bool) -> datetime:
    """Return when a run became due.

    A run of a backfill is listed under the day that it scores, and is due when the backfill is.
    """
    listed: datetime = run.run_after
    return max(listed, run.start_date or datetime.now(UTC)) if backfill else listed
