"""Declares to Airflow what the package ``batch_transform`` beside this file brings."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from batch_transform.operators import join_slices as slicing  # noqa: F401

# Operators are no part of a plugin. But executors fork their tasks from a process that has loaded
# the plugins: what the DAG file imports is imported there once, and not by every task anew.
from batch_transform.operators import (
    load,  # noqa: F401
    recover,  # noqa: F401
    transform,  # noqa: F401
    wait,  # noqa: F401
)
from batch_transform.timetable import PartitionTimetable


class BatchTransformPlugin(AirflowPlugin):
    """Batch inference with SageMaker Batch Transform."""

    name = "batch_transform"
    timetables = [PartitionTimetable]  # noqa: RUF012  # Airflow reads a plain class attribute
