"""Messages about a pipeline's runs, as arguments of its DAG.

https://airflow.apache.org/docs/apache-airflow/stable/howto/notifications.html
https://airflow.apache.org/docs/apache-airflow/stable/howto/deadline-alerts.html
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from batch_transform.scoring.pipeline import Notify

_CALLBACKS = {"success": "on_success_callback", "failure": "on_failure_callback"}


def notices(notify: Notify | None) -> dict[str, Any]:
    """Return the DAG's callbacks and deadline; none where nobody is to be told.

    Raises:
        ImportError: there is no such notifier.
        ValueError: it is none, or cannot tell of a run that is late.
    """
    if notify is None:
        return {}
    kind = _notifier(notify.notifier)
    told = {_CALLBACKS[event]: kind(**notify.arguments) for event in notify.after}
    if notify.late_after is None:
        return told
    if kind.async_notify is BaseNotifier.async_notify:
        raise ValueError(
            f"notify.late_after needs a notifier with async_notify, and {notify.notifier} has none:"
            " take another notifier, or leave late_after out"
        )
    alert = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=notify.late_after,
        callback=AsyncCallback(kind, kwargs=notify.arguments),
    )
    return {**told, "deadline": alert}


def _notifier(path: str) -> type[BaseNotifier]:
    module, _, name = path.rpartition(".")
    found = getattr(import_module(module), name, None)
    if not isinstance(found, type) or not issubclass(found, BaseNotifier):
        raise ValueError(
            f"notify.notifier is {path}, which is no notifier of Airflow: its classes derive from"
            " airflow.sdk.BaseNotifier"
        )
    return found
