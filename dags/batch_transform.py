"""One Airflow DAG for each folder of ``include/pipelines``."""

from pathlib import Path

from batch_transform.dag import declare

declare(globals(), pipelines=Path(__file__).parents[1] / "include" / "pipelines")
