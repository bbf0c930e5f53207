"""All pipelines, with the last run of each and the last report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from batch_transform.tasks import REPORT
from batch_transform.upkeep import HOUSEKEEPING, JANITOR, TAG


@dataclass(frozen=True, kw_only=True)
class Line:
    """A DAG in the list of all.

    Attributes:
        description: of the DAG.
        run_id: of its last run; empty where there was none.
        state: of that run.
        reports: what the last report of each of its pipelines says.
    """

    dag_id: str
    description: str
    is_paused: bool
    run_id: str = ""
    state: str = ""
    reports: tuple[dict[str, Any], ...] = field(default=())


def lines_of(dag_ids: Collection[str], session: Session) -> list[Line]:
    """List the pipelines among some DAGs, by their ids: those with the package's tag."""
    tagged = select(DagTag.dag_id).where(
        DagTag.name == TAG, DagTag.dag_id.not_in((JANITOR, HOUSEKEEPING))
    )
    query = select(DagModel.dag_id, DagModel.description, DagModel.is_paused).where(
        DagModel.dag_id.in_(tagged), DagModel.dag_id.in_(dag_ids), ~DagModel.is_stale
    )
    found = session.execute(query.order_by(DagModel.dag_id)).all()
    runs, reports = _last_runs(dag_ids, session), _last_reports(dag_ids, session)
    return [
        Line(
            dag_id=row.dag_id,
            description=row.description or "",
            is_paused=row.is_paused,
            **runs.get(row.dag_id, {}),
            reports=tuple(reports.get(row.dag_id, ())),
        )
        for row in found
    ]


def _last_runs(dag_ids: Collection[str], session: Session) -> dict[str, dict[str, str]]:
    newest = (
        select(DagRun.dag_id, func.max(DagRun.id).label("id"))
        .where(DagRun.dag_id.in_(dag_ids))
        .group_by(DagRun.dag_id)
        .subquery()
    )
    query = select(DagRun.dag_id, DagRun.run_id, DagRun.state).join(
        newest, DagRun.id == newest.c.id
    )
    return {
        row.dag_id: {"run_id": row.run_id, "state": str(row.state)}
        for row in session.execute(query)
    }


def _last_reports(dag_ids: Collection[str], session: Session) -> dict[str, list[dict[str, Any]]]:
    """Find the newest run with a report of each report task, and what that has returned."""
    newest = (
        select(XComModel.task_id, func.max(XComModel.dag_run_id).label("id"))
        .where(XComModel.key == REPORT, XComModel.dag_id.in_(dag_ids))
        .group_by(XComModel.dag_id, XComModel.task_id)
        .subquery()
    )
    query = select(XComModel.dag_id, XComModel.value).join(
        newest,
        and_(XComModel.dag_run_id == newest.c.id, XComModel.task_id == newest.c.task_id),
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in session.execute(query.where(XComModel.key == "return_value")):
        found.setdefault(row.dag_id, []).append(XComModel.deserialize_value(row))
    return found
