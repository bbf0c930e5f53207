"""Airflow pools that hold down how many instances run at once, over all DAGs, runs and backfills.

A backfill ignores a DAG's ``max_active_runs``; a pool it does not. The transform task holds its
slots from before the job is created until it is over: the pool must count deferred tasks
(``include_deferred``). It has one slot for each instance that the account may run. A pipeline with
several instance types takes slots of the first.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from __future__ import annotations

from typing import Any

from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.pipeline import Pipeline


def pool_of(pipeline: Pipeline, deployment: Deployment) -> dict[str, Any]:
    """Return the operator arguments that take a pipeline's slots; none where pools are not used."""
    if not deployment.pools:
        return {}
    transform = pipeline.settings.transform
    return {"pool": pool_name(transform.kinds[0]), "pool_slots": transform.instance_count}


def pool_name(instance_type: str) -> str:
    """Name the pool of an instance type."""
    return f"transform-{instance_type}"
