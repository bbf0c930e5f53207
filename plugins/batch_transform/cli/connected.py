"""Airflow's connections where no Airflow runs: those of the environment, or its secrets backend.

Airflow is imported as a library, which takes seconds and would log to the console.
"""

from __future__ import annotations

import logging
import sys


def is_known(conn_id: str) -> bool:
    """Tell whether there is a connection of this id."""
    quiet()
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    return True


def quiet() -> None:
    """Keep what Airflow and its providers have to say from the standard output."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
