"""The partition of a DAG run."""

from __future__ import annotations

from datetime import date

from airflow.sdk import Context

from batch_transform.params import PARTITION
from batch_transform.scoring.partition import Partition, RunDates, resolve

_MANUAL = "manual"
_BACKFILL = "backfill"


def partition_of(context: Context, timezone: str, earliest: date | None = None) -> Partition:
    """Resolve the partition that a run scores; see ``resolve``.

    Raises:
        PartitionError: the run names no day that is over, or one before ``earliest``.
    """
    run = context["dag_run"]
    return resolve(
        RunDates(
            parameter=context["params"].get(PARTITION),
            partition_key=run.partition_key,
            logical_date=run.logical_date,
            manual=run.run_type.value == _MANUAL,
            backfill=run.run_type.value == _BACKFILL,
            run_after=run.run_after,
        ),
        timezone,
        earliest,
    )
