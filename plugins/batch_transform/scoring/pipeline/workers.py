"""Which workers run a pipeline's tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from batch_transform.scoring.pipeline.fields import Section, Text

POOL_OF_JOBS = "transform-"  # begins the names of the pools of instances
_JSON = (str, int, float, bool, type(None))


def _pool(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(POOL_OF_JOBS):
        raise ValueError(f"must be another pool: those that begin with {POOL_OF_JOBS} are of jobs")
    return value


def _json(value: Any) -> Any:
    if not _is_json(value):
        raise ValueError("must have names as keys, and texts, numbers, lists and mappings below")
    return value


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(each) for key, each in value.items())
    return all(map(_is_json, value)) if isinstance(value, list) else isinstance(value, _JSON)


class Workers(Section):
    """Which workers run tasks, and how many tasks at once.

    https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/executor/index.html

    Attributes:
        queue: queue of the tasks: with CeleryExecutor, of the workers that listen to it.
        pool: Airflow pool of which each task takes a slot; it must exist. The tasks that hold a
            transform job take slots of its instances instead, where pools of instances are used.
        executor_config: what the executor is told of each task; with KubernetesExecutor
            ``pod_override``, written as the manifest of a pod.
    """

    queue: Text | None = None
    pool: Annotated[Text, BeforeValidator(_pool)] | None = None
    executor_config: Annotated[dict[str, Any], BeforeValidator(_json)] | None = None
