"""Imports what tasks import, once, in the process that forks them: a task then starts sooner.

Put two lines into ``airflow_local_settings.py``, in the folder ``config`` of Airflow's home:

    from batch_transform.preload import preload

    preload()

https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html#configuring-local-settings
"""

from __future__ import annotations

import sys
from importlib import import_module

# The scheduler forks tasks under LocalExecutor, Celery's worker under its own; the DAG processor
# forks whatever reads a file.
_FORKING = ("scheduler", "celery", "dag-processor")
_MODULES = (
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.postgres.hooks.postgres",
    "batch_transform.dag",
    "batch_transform.one_session",
    "duckdb",
    "isal.isal_zlib",
    "pandas",
    "psycopg",
    "pyarrow.csv",
)
_SERVICES = ("logs", "s3", "sagemaker")


def preload() -> None:
    """Import, where this process is one that forks tasks; other commands of Airflow stay quick."""
    if sys.argv[1:2] and sys.argv[1] in _FORKING:
        for module in _MODULES:
            import_module(module)
        from batch_transform.one_session import read_ahead

        read_ahead(_SERVICES)
