"""When a failed task tries again: whether is in the error's type, how soon doubles each time."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Context, RetryDecision, RetryPolicy

from batch_transform.scoring.errors import Transient

_LONGEST = timedelta(hours=1)


class RetryByType(RetryPolicy):
    """Spends a task's retries on what waiting cures; other surprises get few of them.

    Airflow does not ask it about an ``AirflowFailException``, which is what the package's other
    errors become.
    https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html

    Attributes:
        surprises: how many attempts an error that this package does not know may fail.
    """

    def __init__(self, surprises: int = 3) -> None:
        """Allow this many surprises."""
        self.surprises = surprises

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide for one failure."""
        if isinstance(exception, Transient):
            seconds = exception.retry_seconds * 2 ** min(try_number - 1, 10)
            delay = min(timedelta(seconds=seconds), _LONGEST)
            return RetryDecision.retry(delay, f"{type(exception).__name__}: cured by waiting")
        if try_number >= self.surprises:
            return RetryDecision.fail(f"Attempt {try_number} failed with an unknown error")
        return RetryDecision.default()
