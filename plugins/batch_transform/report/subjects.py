"""The pipelines of a DAG: what its report tasks say of them in the serialized DAG."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from batch_transform.scoring.pipeline import Target

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

_TASK_TYPE = "ReportOperator"


class Subject(BaseModel):
    """A pipeline in a DAG.

    Attributes:
        task_id: of its report.
        pipeline: its name.
        timezone: its time zone.
        target: where its predictions go.
    """

    model_config = ConfigDict(frozen=True)

    task_id: str
    pipeline: str
    timezone: str
    target: Target

    @property
    def prefix(self) -> str:
        """What the ids of its tasks begin with: nothing, or the id of their group and a dot."""
        return self.task_id[: self.task_id.rfind(".") + 1]

    @property
    def group(self) -> str:
        """The id of its tasks' group; empty where they are in none."""
        return self.prefix.removesuffix(".")

    def has(self, task_id: str) -> bool:
        """Tell whether a task of the DAG is one of its tasks."""
        return task_id[: task_id.rfind(".") + 1] == self.prefix


def subjects_of_run(run: DagRun, session: Session) -> list[Subject]:
    """Return the pipelines of a run's DAG, as it was when the run was made."""
    return subjects_in(_dags().get_dag_for_run(run, session=session))


def subjects_of_dag(dag_id: str, session: Session) -> list[Subject]:
    """Return the pipelines of a DAG, as it is."""
    return subjects_in(_dags().get_latest_version_of_dag(dag_id, session=session))


def subjects_in(dag: Any) -> list[Subject]:
    """Return the pipelines of a serialized DAG; none where there is no DAG."""
    tasks = [task for task in dag.tasks if task.task_type == _TASK_TYPE] if dag else []
    return [Subject(task_id=task.task_id, **task.subject) for task in tasks]


@cache
def _dags() -> Any:
    from airflow.api_fastapi.common.dagbag import create_dag_bag  # not in the scheduler

    return create_dag_bag()
