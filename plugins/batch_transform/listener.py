"""What the scheduler does for a run when its state changes: its partition, its pools, its note.

Airflow calls these in the scheduler, with the run as a row of its own database: what is set there
is saved together with the run's state. Only runs of DAGs with this package's tasks are touched.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/listeners.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl
from airflow.utils.state import TaskInstanceState

from batch_transform import note, pools
from batch_transform.params import PARTITION
from batch_transform.report.subjects import Subject, subjects_in
from batch_transform.run_dates import partition_of_row
from batch_transform.timetable import PartitionTimetable

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

# Of what they return under the same name, the last one's counts.
_TELLING = ("plan", "report", "load", "publish")


@hookimpl
def on_dag_run_running(dag_run: DagRun) -> None:
    """Write down which partition the run scores, and have its tasks wait in the right pools."""
    subjects = _subjects(dag_run)
    if not subjects:
        return
    labels = {subject.group: _label(dag_run, subject) for subject in subjects}
    if any(labels.values()):
        _write(dag_run, note.of_groups(labels))
    if _is_by_partition(dag_run):
        dag_run.partition_key = labels[subjects[0].group] or dag_run.partition_key
    _fit_pools(dag_run)


@hookimpl
def on_dag_run_success(dag_run: DagRun) -> None:
    """Write down what the run did."""
    _conclude(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun) -> None:
    """Write down where the run failed."""
    _conclude(dag_run)


def _subjects(dag_run: DagRun) -> Sequence[Subject]:
    """Return the pipelines of a run; Airflow knows no DAG where a person marks the run."""
    return subjects_in(getattr(dag_run, "dag", None))


def _label(dag_run: DagRun, subject: Subject) -> str:
    partition = partition_of_row(dag_run, subject.timezone)
    return partition.label if partition else ""


def _is_by_partition(dag_run: DagRun) -> bool:
    """Tell whether a run may have a key: with another timetable, it would lose its interval."""
    return isinstance(dag_run.dag.timetable, PartitionTimetable)  # type: ignore[union-attr]


def _session(dag_run: DagRun) -> Session:
    """Return the scheduler's session, which it commits itself."""
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        raise RuntimeError(f"the run {dag_run.run_id} belongs to no session")
    return session


def _fit_pools(dag_run: DagRun) -> None:
    """Give the run's tasks the slots that its own instances take.

    A task whose pool does not exist, or is too small, would wait for ever, and in silence: it goes
    without, and the next task that starts says so and fails.
    """
    from airflow.models.pool import Pool

    session, dag = _session(dag_run), dag_run.dag
    tasks = dag.task_dict  # type: ignore[union-attr]
    # Without our parameters, a DAG of one's own may mean something else by the same names.
    asked = (dag_run.conf or {}) if PARTITION in dag.params else {}  # type: ignore[union-attr]
    for ti in dag_run.get_task_instances(session=session):
        task = tasks.get(ti.task_id)
        slots = pools.slots_of(task, asked) if task else None
        if slots is None:
            continue
        pool = Pool.get_pool(slots.pool, session=session)
        unfit = slots.unfit(pool.slots if pool else None)
        ti.pool, ti.pool_slots = (Pool.DEFAULT_POOL_NAME, 1) if unfit else (slots.pool, slots.count)
        _leave(dag_run, pools.place_of(ti.task_id), unfit)


def _leave(dag_run: DagRun, task_id: str, unfit: str) -> None:
    """Leave a task an XCom about its pool."""
    from airflow.models.xcom import XComModel

    XComModel.set(
        key=pools.UNFIT_POOL,
        value=unfit,
        dag_id=dag_run.dag_id,
        task_id=task_id,
        run_id=dag_run.run_id,
        serialize=False,  # as what tasks push
        session=_session(dag_run),
    )


def _conclude(dag_run: DagRun) -> None:
    subjects = _subjects(dag_run)
    if not subjects:
        return
    ended = dag_run.get_task_instances(TaskInstanceState.FAILED, session=_session(dag_run))
    failed = [each.task_id for each in ended]
    results = {
        subject.group: note.result(
            _label(dag_run, subject), dict(_returned(dag_run, subject)), filter(subject.has, failed)
        )
        for subject in subjects
    }
    others = [each for each in failed if not any(subject.has(each) for subject in subjects)]
    _write(dag_run, note.of_groups(results, others))


def _write(dag_run: DagRun, text: str) -> None:
    """Set the run's note, unless a person has written it."""
    written = dag_run.dag_run_note
    if written is None or written.user_id is None:
        dag_run.note = text


def _returned(dag_run: DagRun, subject: Subject) -> Iterator[tuple[str, Any]]:
    from airflow.models.xcom import XCOM_RETURN_KEY, XComModel
    from sqlalchemy import select

    telling = [f"{subject.prefix}{name}" for name in _TELLING]
    query = select(XComModel).where(
        XComModel.dag_id == dag_run.dag_id,
        XComModel.run_id == dag_run.run_id,
        XComModel.key == XCOM_RETURN_KEY,
        XComModel.task_id.in_(telling),
    )
    rows = {row.task_id: row for row in _session(dag_run).scalars(query)}
    for task_id in telling:
        if task_id in rows:
            yield from (XComModel.deserialize_value(rows[task_id]) or {}).items()
