"""The Airflow pools that the pipelines' transform tasks wait in.

One for each instance type, with as many slots as the account may run instances.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/pools.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from local.airflow_api import AirflowApi

_SLOTS = 8


def create_pools(api: AirflowApi, pipelines: Path) -> None:
    """Create the pool of every instance type that a pipeline names."""
    for instance_type in sorted(_instance_types(pipelines)):
        api.create_pool(
            f"transform-{instance_type}", _SLOTS, f"Instances of {instance_type} at once"
        )


def _instance_types(pipelines: Path) -> set[str]:
    files = sorted(pipelines.glob("*/pipeline.yaml"))
    return {
        instance_type
        for transform in (yaml.safe_load(path.read_text()).get("transform", {}) for path in files)
        for instance_type in _of(transform)
    }


def _of(transform: dict[str, Any]) -> list[str]:
    single = transform.get("instance_type")
    return [*transform.get("instance_types", []), *([single] if single else [])]
