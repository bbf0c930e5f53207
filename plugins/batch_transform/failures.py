"""Says the package's own errors, and makes them task failures that Airflow does not retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from airflow.sdk.exceptions import AirflowFailException

from batch_transform.scoring.errors import ScoringError, Transient
from batch_transform.task_log import tidy

_log = structlog.get_logger(__name__)


@contextmanager
def no_retry() -> Iterator[None]:
    """Fail the task at once on an error that the same input would bring again.

    An error of the package is in the log before the task fails, without a traceback: it says what
    is wrong, what to do, and which section of the documentation has more. What is Transient, and
    errors of the network or of a database, pass through, and the task's retries apply.
    """
    tidy()
    try:
        yield
    except ScoringError as error:
        _log.error(f"{error}\nMore: {error.page}")
        if isinstance(error, Transient):
            raise
        raise AirflowFailException(str(error)) from error
