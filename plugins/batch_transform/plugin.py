"""What the package declares to Airflow, from a plugins folder or as an installed wheel.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/plugins.html
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

# Operators are no part of a plugin. But executors fork their tasks from a process that has loaded
# the plugins: what a DAG file imports is imported there once, and not by every task anew.
from batch_transform import dag, listener  # noqa: F401
from batch_transform.report.views import EXTERNAL_VIEWS, FASTAPI_APPS
from batch_transform.scoring.jobs.request_bounds import shapes
from batch_transform.timetable import PartitionTimetable


class BatchTransformPlugin(AirflowPlugin):
    """Batch inference with SageMaker Batch Transform."""

    name = "batch_transform"
    # Airflow reads plain class attributes.
    timetables = [PartitionTimetable]  # noqa: RUF012
    listeners = [listener]  # noqa: RUF012
    fastapi_apps = FASTAPI_APPS
    external_views = EXTERNAL_VIEWS

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Load what readings of pipelines, and most tasks, need, before processes are forked."""
        import airflow.providers.postgres.hooks.postgres  # noqa: F401  # most of a second

        shapes()
