"""What a DAG run is to do: which day it scores, and what was asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from batch_transform.params import PARTITION, problems
from batch_transform.run_dates import due
from batch_transform.scoring.asked import Asked, asked_for
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import PartitionError, RunRefused
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.partition import Partition, Resolved, RunDates, resolve
from batch_transform.scoring.pipeline import Pipeline, PipelineFile

_MANUAL = "manual"
_BACKFILL = "backfill"


def asked_of(context: Context) -> Asked:
    """Return what was asked of a run; nothing where its DAG does not have these parameters."""
    return Asked.of(context["params"]) if PARTITION in context["dag"].params else Asked()


def pipeline_of(context: Context, pipeline: Pipeline, deployment: Deployment) -> Pipeline:
    """Return the pipeline as a run wants it.

    Raises:
        RunRefused: what is asked for cannot be had.
    """
    return asked_for(pipeline, asked_of(context), deployment.prices)


def layout_of_task(context: Context, index: str | Sequence[str]) -> RunLayout:
    """Return where a task finds what it is about.

    Args:
        context: of the task.
        index: URI of the extract's index; of a task that is one of several at once, each about a
            job of its own, those of all.

    Raises:
        ValueError: it is no URI of an index.
    """
    if isinstance(index, str):
        return RunLayout.of_index(index)
    return RunLayout.of_index(index[context["ti"].map_index or 0])


def handed_on(left: Any, count: int) -> list[Any]:
    """Return what so many tasks have left, each None where it has left nothing.

    Args:
        left: as Airflow gives it: of one task what that has left, of several a sequence.
        count: how many there are.
    """
    each = [left] if left is None or isinstance(left, str) else list(left)
    return (each + [None] * count)[:count]


def given(left: Any) -> tuple[str, ...]:
    """Return what one or several tasks have left, but for those that have left nothing."""
    return tuple(filter(None, [left] if left is None or isinstance(left, str) else left))


def partition_of(context: Context, settings: PipelineFile) -> Partition:
    """Return the partition that a run scores; raises what ``resolved`` does."""
    return resolved(context, settings).partition


def resolved(context: Context, settings: PipelineFile) -> Resolved:
    """Resolve the partition that a run scores.

    Raises:
        PartitionError: the run names no day that is over and not before the first.
        RunRefused: it was configured with what is no parameter.
    """
    _check_conf(context)
    run = context["dag_run"]
    found = resolve(
        RunDates(
            parameter=context["params"].get(PARTITION),
            partition_key=run.partition_key,
            logical_date=run.logical_date,
            manual=run.run_type.value == _MANUAL,
            backfill=run.run_type.value == _BACKFILL,
            run_after=due(run, backfill=run.run_type.value == _BACKFILL),
        ),
        settings.schedule.timezone,
    )
    if found.partition.day < settings.start_date:
        raise PartitionError(
            f"Partition {found.partition.label} is before the first, which is start_date in"
            f" pipeline.yaml: {settings.start_date}. Score a later day, or set an earlier"
            " start_date."
        )
    return found


def _check_conf(context: Context) -> None:
    own = context["dag"].params
    wrong = problems(context["dag_run"].conf or {}, own if PARTITION in own else None)
    if wrong:
        raise RunRefused(
            "The run was triggered with what it cannot take; nothing was done: " + "; ".join(wrong)
        )
