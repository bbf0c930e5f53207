"""Turns the package's own errors into task failures that Airflow does not retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from batch_transform.scoring.errors import ScoringError, Transient


@contextmanager
def no_retry() -> Iterator[None]:
    """Fail the task at once on an error that the same input would bring again.

    What is Transient, and errors of the network or of a database, pass through, and the task's
    retries apply.
    """
    try:
        yield
    except Transient:
        raise
    except ScoringError as error:
        raise AirflowFailException(str(error)) from error
