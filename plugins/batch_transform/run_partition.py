"""The partition of a DAG run."""

from __future__ import annotations

from airflow.sdk import Context

from batch_transform.params import PARTITION, problems
from batch_transform.scoring.errors import PartitionError
from batch_transform.scoring.partition import Partition, RunDates, resolve
from batch_transform.scoring.pipeline import PipelineFile

_MANUAL = "manual"
_BACKFILL = "backfill"


def partition_of(context: Context, settings: PipelineFile) -> Partition:
    """Resolve the partition that a run scores.

    Raises:
        PartitionError: the run names no day that is over and not before the first, or was
            configured with what is no parameter.
    """
    _check_conf(context)
    run = context["dag_run"]
    partition = resolve(
        RunDates(
            parameter=context["params"].get(PARTITION),
            partition_key=run.partition_key,
            logical_date=run.logical_date,
            manual=run.run_type.value == _MANUAL,
            backfill=run.run_type.value == _BACKFILL,
            run_after=run.run_after,
        ),
        settings.schedule.timezone,
    )
    if partition.day < settings.start_date:
        raise PartitionError(
            f"Partition {partition.label} is before the first, which is start_date in"
            f" pipeline.yaml: {settings.start_date}. Score a later day, or set an earlier"
            " start_date."
        )
    return partition


def _check_conf(context: Context) -> None:
    own = context["dag"].params
    wrong = problems(context["dag_run"].conf or {}, own if PARTITION in own else None)
    if wrong:
        raise PartitionError(
            "The run was triggered with what it cannot take; nothing was done: " + "; ".join(wrong)
        )
