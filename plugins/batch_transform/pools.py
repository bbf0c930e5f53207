"""Airflow pools that hold down how many instances run at once, over all DAGs, runs and backfills.

A backfill ignores a DAG's ``max_active_runs``; a pool it does not. The transform task holds its
slots from before the job is created until it is over: the pool must count deferred tasks
(``include_deferred``). It has one slot for each instance that the account may run. A pipeline with
several instance types takes slots of the first; a run that was asked for others takes theirs.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Context

from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipeline.workers import POOL_OF_JOBS
from batch_transform.tasks import REPORT

UNFIT_POOL = "unfit_pool"  # an XCom that the scheduler leaves for the tasks
_UNLIMITED = -1


@dataclass(frozen=True, kw_only=True)
class Slots:
    """What a task takes of which pool."""

    pool: str
    count: int

    def unfit(self, there_are: int | None) -> str:
        """Say why a task would wait for them for ever; empty where it would not.

        Args:
            there_are: slots of the pool; None where there is no such pool.
        """
        kind = self.pool.removeprefix(POOL_OF_JOBS)
        cure = (
            f"In Airflow, under Admin > Pools, give it a slot for each {kind} that may run at once,"
            " deferred tasks included, and clear this task; or set BATCH_TRANSFORM_POOLS to false"
        )
        if there_are is None:
            return f"There is no pool {self.pool} for the run's transform job to wait in. {cure}"
        if there_are != _UNLIMITED and there_are < self.count:
            return (
                f"The run's transform job needs {self.count} slots of pool {self.pool}, which has"
                f" {there_are} and would never have them free. {cure}"
            )
        return ""


def pool_of(pipeline: Pipeline, deployment: Deployment) -> dict[str, Any]:
    """Return the operator arguments that take a pipeline's slots; none where pools are not used."""
    if not deployment.pools:
        return {}
    transform = pipeline.settings.transform
    return {"pool": f"{POOL_OF_JOBS}{transform.kinds[0]}", "pool_slots": transform.instance_count}


def slots_of(task: Any, conf: Mapping[str, Any]) -> Slots | None:
    """Return what a task takes in a run; None where it is no pool of ours.

    Args:
        task: with the slots that ``pool_of`` gave it.
        conf: what the run was asked for.
    """
    if not task.pool.startswith(POOL_OF_JOBS):
        return None
    kind, count = conf.get("instance_type"), conf.get("instance_count")
    pool = f"{POOL_OF_JOBS}{kind}" if kind else task.pool
    return Slots(pool=pool, count=count or task.pool_slots)


def place_of(task_id: str) -> str:
    """Return the task for which what is wrong with the pool of another one is kept.

    Airflow clears a task's XComs as it starts; this one starts after all that take slots.
    """
    group, dot, _ = task_id.rpartition(".")
    return f"{group}{dot}{REPORT}"


def check_pool(context: Context, task_id: str) -> None:
    """Refuse to go on where a run's transform job would wait for slots for ever.

    Raises:
        ConfigurationError: there is no such pool, or it has too few slots.
    """
    unfit = context["ti"].xcom_pull(task_ids=place_of(task_id), key=UNFIT_POOL)
    if unfit:
        raise ConfigurationError(unfit)
