"""The partition of a DAG run."""

from __future__ import annotations

from airflow.sdk import Context, Param

from include.scoring.partition import Partition, RunDates, resolve

_MANUAL = "manual"
_BACKFILL = "backfill"


def partition_param() -> Param:
    """Return the run parameter ``partition``; each DAG has its own, since a Param keeps state."""
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="Partition",
        description_md="The day to score. Empty: the run's own date; where that day is not over,"
        " the last whole day. Leave it empty in a backfill, whose runs have their own dates.",
    )


def partition_of(context: Context, timezone: str) -> Partition:
    """Resolve the partition that a run scores.

    Raises:
        PartitionError: the run names no day that is over.
    """
    run = context["dag_run"]
    return resolve(
        RunDates(
            parameter=context["params"].get("partition"),
            partition_key=run.partition_key,
            logical_date=run.logical_date,
            manual=run.run_type.value == _MANUAL,
            backfill=run.run_type.value == _BACKFILL,
            run_after=run.run_after,
        ),
        timezone,
    )
