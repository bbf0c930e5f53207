"""A run by hand, as its tasks see it: what Airflow would give them, and answer them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk import DAG, BaseOperator, Context
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.execution_time.supervisor import set_supervisor_comms

from batch_transform.operators.janitor import BY_HAND
from batch_transform.params import PARTITION


class StateStore(dict[str, Any]):
    """Keeps what a task leaves for its next attempt, as Airflow's ``task_state_store`` does."""

    set = dict.__setitem__


@dataclass(kw_only=True)
class Attempt:
    """The one attempt at a task, as the task sees it.

    Attributes:
        dag_id: its DAG.
        run_id: its run.
        task_id: its task.
        map_index: of a mapped task; -1 for others.
        max_tries: what Airflow would allow.
        pushed: what it leaves beside what it returns, by key.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    max_tries: int
    try_number: int = 1
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        """Leave something for later tasks."""
        self.pushed[key] = value

    def get_first_reschedule_date(self, context: Context) -> datetime:
        """Return when the attempt began, from which it counts how long it has waited."""
        return self.start_date


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a DAG.

    Attributes:
        dag: what is run.
        conf: what is asked of it, by the names of the DAG's parameters.
        run_id: its id; a run by hand has no other name.
        begun: when.
    """

    dag: DAG
    conf: Mapping[str, Any]
    run_id: str = field(default_factory=lambda: f"{BY_HAND}{uuid.uuid4()}")
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))

    def attempt(self, task: BaseOperator, map_index: int = -1) -> Attempt:
        """Return the attempt at a task."""
        return Attempt(
            dag_id=self.dag.dag_id,
            run_id=self.run_id,
            task_id=task.task_id,
            map_index=map_index,
            max_tries=task.retries or 0,
        )

    def context(self, task: BaseOperator, attempt: Attempt) -> Context:
        """Return what Airflow would give a task."""
        dag_run = SimpleNamespace(
            run_id=self.run_id,
            dag_id=self.dag.dag_id,
            conf=dict(self.conf),
            run_type=SimpleNamespace(value="manual"),
            partition_key=None,
            logical_date=None,
            run_after=self.begun,
            start_date=self.begun,
        )
        context: Any = {
            "dag": self.dag,
            "ds": self.conf.get(PARTITION),
            "dag_run": dag_run,
            "run_id": self.run_id,
            "outlet_events": OutletEventAccessors(),  # of which nobody is told
            "params": {**self.dag.params.dump(), **self.conf},
            "task": task,
            "task_state_store": StateStore(),
            "ti": attempt,
            "task_instance": attempt,
        }
        return context  # type: ignore[no-any-return]


class _Answers:
    """Answers what tasks ask of Airflow: of other runs there is nothing to know."""

    def send(self, message: Any) -> Any:
        return _ANSWERS.get(type(message).__name__)


_ANSWERS = {
    "GetTaskStates": SimpleNamespace(task_states={}),
    "GetDRCount": SimpleNamespace(count=0),
    "GetTaskBreadcrumbs": SimpleNamespace(breadcrumbs=()),
}


def answering() -> AbstractContextManager[None]:
    """Be Airflow for the tasks of this process."""
    return set_supervisor_comms(_Answers())
