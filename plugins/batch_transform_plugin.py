"""Declares to Airflow what the package ``batch_transform`` beside this file brings."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from batch_transform.timetable import PartitionTimetable


class BatchTransformPlugin(AirflowPlugin):
    """Batch inference with SageMaker Batch Transform."""

    name = "batch_transform"
    timetables = [PartitionTimetable]  # noqa: RUF012  # Airflow reads a plain class attribute
