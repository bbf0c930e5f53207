"""The folders of ``include/pipelines`` that cannot be read: an import error beside Airflow's DAGs.

It has a file of its own, since Airflow stops every DAG of a file that has an import error.
"""

from pathlib import Path

from batch_transform.dag import report_invalid

report_invalid(globals(), pipelines=Path(__file__).parents[1] / "include" / "pipelines")
