"""What tasks log, on the standard error: a line each, after the task's name; secrets masked."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import typer

_OURS = "batch_transform"


class TaskLog:
    """Shows what the package's tasks log, and of others what they warn of.

    Attributes:
        task_id: of the task that logs.
    """

    task_id = ""

    def begin(self, task_id: str) -> None:
        """Learn which task logs from now on."""
        self.task_id = task_id

    def show(self) -> None:
        """Show what is logged in this process from now on."""
        import structlog
        from airflow.sdk.log import mask_logs

        structlog.configure(
            processors=[_without_others, mask_logs, self._line],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=_Named,
        )

    def _line(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        level = "" if method == "info" else f"{method.upper()}: "
        return f"{self.task_id}: {level}{event['event']}"


class _Named:
    """A logger that knows its name, as structlog's own do not, and prints."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, text: str) -> None:
        typer.echo(text, err=True)

    debug = info = warning = error = critical = exception = msg


def _without_others(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    import structlog

    if _OURS in logger.name or method not in ("debug", "info"):
        return event
    raise structlog.DropEvent
