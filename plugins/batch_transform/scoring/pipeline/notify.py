"""Who is told how a run went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from batch_transform.scoring.pipeline.fields import Duration, Place, Section, matching

_NOTIFIER = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
_End = Literal["success", "failure"]
_ENDS: tuple[_End, ...] = ("success", "failure")


class Notify(Section):
    """One message for each run, through any notifier of Airflow.

    https://airflow.apache.org/docs/apache-airflow/stable/howto/notifications.html

    Attributes:
        notifier: import path of any notifier of Airflow: mail, Slack, SNS, a class of your own.
        arguments: what it is made with; texts may be templates, in which the run's note says its
            day and its result.
        after: after which ends of a run there is a message, one for each run.
        late_after: how long after it was queued a run that has not ended is told of, by a deadline
            alert; needs a notifier with ``async_notify``.
    """

    notifier: Annotated[
        str,
        BeforeValidator(
            matching(
                _NOTIFIER,
                "must be the import path of a notifier, such as"
                " airflow.providers.smtp.notifications.smtp.SmtpNotifier",
            )
        ),
    ]
    arguments: dict[str, Any] = Field(default_factory=dict)
    after: list[_End] = Field(default_factory=lambda: [*_ENDS])
    late_after: Duration | None = None

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Refuse to tell nothing."""
        if not self.after and self.late_after is None:
            yield ("after",), "names nothing, and there is no late_after: then leave notify out"
