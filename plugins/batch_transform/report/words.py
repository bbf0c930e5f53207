"""What a failed task said last, from its log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.utils.log.log_reader import TaskLogReader

from batch_transform.task_log import TOLD

_LEVELS = frozenset({"error", "critical"})
_MOST = 8_000  # characters


def last_words(ti: TaskInstance) -> str:
    """Return what the last try of a task logged as an error: its exceptions' texts, or the lines.

    Whoever asks must have seen to it that the reader of the page may read the task's log.
    """
    reader = TaskLogReader()
    if not reader.supports_read:
        return ""
    messages, _ = reader.read_log_chunks(ti, ti.try_number, {"end_of_log": False})
    return "\n".join(_said(messages))[-_MOST:]


def _said(messages: Iterator[Any]) -> Iterator[str]:
    for message in messages:
        content = message.model_dump() if hasattr(message, "model_dump") else {}
        if content.get("level") not in _LEVELS or content.get("event") == TOLD:
            continue
        causes = [each.get("exc_value", "") for each in content.get("error_detail") or ()]
        yield next(filter(None, causes), content.get("event", ""))
