"""What Airflow's database knows of runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.providers.amazon.aws.links.sagemaker import SageMakerTransformJobLink
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from batch_transform.following.trigger import PROGRESS
from batch_transform.report.subjects import Subject
from batch_transform.run_dates import partition_of_row
from batch_transform.scoring.reports.left import Trail
from batch_transform.scoring.reports.report import Progress, TaskRun
from batch_transform.tasks import REPORT, in_order

_LINK = SageMakerTransformJobLink.key
_RETURNED = "return_value"
_KEYS = ("index", "job_name", "coverage", REPORT, PROGRESS, _LINK, _RETURNED)
_OF_JOBS = frozenset({"transform", "recover"})  # of each job, where there are several
_MOST_RUNS = 1_000
_GOES_ON = frozenset({"queued", "running"})


@dataclass(frozen=True, kw_only=True)
class SeenRun:
    """A run of one pipeline, as Airflow knows it.

    Attributes:
        subject: the pipeline, and where in the DAG it is.
        state: of the run.
        partition: the day it scores; None where it names none that is over.
        tasks: of the pipeline, in their order.
        handed_on: XComs by task and key; of tasks of a group without its id; where there are
            several jobs, a list of what their tasks left.
    """

    dag_id: str
    run_id: str
    subject: Subject
    state: str
    partition: date | None
    tasks: tuple[TaskRun, ...]
    handed_on: Mapping[tuple[str, str], Any]

    @property
    def goes_on(self) -> bool:
        """Whether it is not over."""
        return self.state in _GOES_ON

    @property
    def report(self) -> str:
        """URI of the report that it has written; empty where it has not, or begins anew."""
        return "" if self.goes_on else self._first((REPORT, REPORT))

    @property
    def plan(self) -> dict[str, Any] | None:
        """What it was to do, where it ended with that: else the plan lies beside its objects."""
        returned = self.handed_on.get(("plan", _RETURNED))
        plan = returned.get("plan") if isinstance(returned, dict) else None
        return plan if isinstance(plan, dict) else None

    @property
    def progress(self) -> Progress | None:
        """Of the transform job, while the run goes on."""
        found = self._each("transform", PROGRESS) if self.goes_on else []
        try:
            return _together([Progress.model_validate(each) for each in found])
        except ValidationError:  # a person may have put anything into an XCom
            return None

    def trail(self, run_tag: str) -> Trail:
        """Return what its tasks have handed on so far."""
        links = [
            each.get("job_name")
            for each in self._each("transform", _LINK)
            if isinstance(each, dict)
        ]
        return Trail(
            index=self._first(("join_slices", "index"), ("extract", "index")),
            job_names=_texts((*self._each("transform", "job_name"), *links)),
            coverages=_texts(self._each("recover", "coverage")),
            run_tag=run_tag,
        )

    def _each(self, task_id: str, key: str) -> list[Any]:
        """Return what a task has left, or each of those that are of one job among several."""
        found = self.handed_on.get((task_id, key)) or []
        return found if isinstance(found, list) else [found]

    def _first(self, *keys: tuple[str, str]) -> str:
        """Return the first text of these; a person may have put anything into an XCom."""
        found = map(self.handed_on.get, keys)
        return next((each for each in found if isinstance(each, str) and each), "")


@dataclass(frozen=True, kw_only=True)
class RunOf:
    """A run, and the partition it scores; None where it names none."""

    run_id: str
    state: str
    partition: date | None
    run_after: datetime


def find_run(dag_id: str, run_id: str, session: Session) -> DagRun | None:
    """Return a run."""
    query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    return session.scalar(query)


def seen(run: DagRun, subject: Subject, session: Session) -> SeenRun:
    """Read what is known of a pipeline in a run."""
    return SeenRun(
        dag_id=run.dag_id,
        run_id=run.run_id,
        subject=subject,
        state=str(run.state),
        partition=_partition(run, subject.timezone),
        tasks=tuple(_tasks(run, subject, session)),
        handed_on=dict(_handed_on(run, subject, session)),
    )


def failed_tasks(run: SeenRun, session: Session) -> Iterator[TaskInstance]:
    """Yield the tasks that failed, with what is needed to read their logs."""
    names = [f"{run.subject.prefix}{task.task_id}" for task in run.tasks if task.state == "failed"]
    query = (
        select(TaskInstance)
        .where(
            TaskInstance.dag_id == run.dag_id,
            TaskInstance.run_id == run.run_id,
            TaskInstance.task_id.in_(names),
            TaskInstance.state == "failed",
        )
        .options(joinedload(TaskInstance.dag_run), joinedload(TaskInstance.dag_model))
    )
    yield from session.scalars(query)


def runs_of(dag_id: str, timezone: str, session: Session) -> Sequence[RunOf]:
    """List the last runs of a DAG, latest first, with the partitions they score."""
    query = (
        select(
            DagRun.run_id,
            DagRun.state,
            DagRun.run_type,
            DagRun.logical_date,
            DagRun.partition_key,
            DagRun.run_after,
            DagRun.start_date,
            DagRun.conf,
        )
        .where(DagRun.dag_id == dag_id)
        .order_by(func.coalesce(DagRun.start_date, DagRun.run_after).desc())
        .limit(_MOST_RUNS)
    )
    return [
        RunOf(
            run_id=row.run_id,
            state=str(row.state),
            partition=_partition(row, timezone),
            run_after=row.run_after,
        )
        for row in session.execute(query)
    ]


def _partition(run: Any, timezone: str) -> date | None:
    found = partition_of_row(run, timezone)
    return found.day if found else None


def _tasks(run: DagRun, subject: Subject, session: Session) -> Iterator[TaskRun]:
    query = select(
        TaskInstance.task_id,
        TaskInstance.map_index,
        TaskInstance.state,
        TaskInstance.try_number,
        TaskInstance.start_date,
        TaskInstance.end_date,
        TaskInstance.duration,
    ).where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
    rows = [row for row in session.execute(query) if subject.has(row.task_id)]
    for row in in_order(rows, lambda each: (each.task_id, each.map_index)):
        yield TaskRun(
            task_id=row.task_id.removeprefix(subject.prefix),
            map_index=row.map_index,
            state=str(row.state or ""),
            tries=row.try_number,
            started=row.start_date,
            ended=row.end_date,
            seconds=row.duration,
        )


def _handed_on(
    run: DagRun, subject: Subject, session: Session
) -> Iterator[tuple[tuple[str, str], Any]]:
    query = (
        select(XComModel.task_id, XComModel.key, XComModel.value, XComModel.map_index)
        .where(
            XComModel.dag_id == run.dag_id,
            XComModel.run_id == run.run_id,
            XComModel.key.in_(_KEYS),
        )
        .order_by(XComModel.map_index)
    )
    of_jobs: dict[tuple[str, str], list[Any]] = {}
    for row in session.execute(query):
        name = row.task_id.removeprefix(subject.prefix)
        if not subject.has(row.task_id):
            continue
        if row.map_index == -1:
            yield (name, row.key), XComModel.deserialize_value(row)
        elif name in _OF_JOBS:
            of_jobs.setdefault((name, row.key), []).append(XComModel.deserialize_value(row))
    yield from of_jobs.items()


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    """Return what is a text, each once; a person may have put anything into an XCom."""
    return tuple(dict.fromkeys(each for each in values if isinstance(each, str) and each))


def _together(each: Sequence[Progress]) -> Progress | None:
    """Add up how far jobs are; the last of them is what is waited for."""
    if not each:
        return None
    left = [job.eta_seconds for job in each if job.eta_seconds is not None]
    sums = {
        name: sum(getattr(job, name) for job in each)
        for name in ("shards_done", "shards", "records_done", "records")
    }
    return Progress(**sums, eta_seconds=max(left) if len(left) == len(each) else None)
