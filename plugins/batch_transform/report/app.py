"""The pages, one route each: all are read, and none without the right to read the DAG."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from batch_transform.connections import Aws, AwsServices
from batch_transform.open_warehouse import open_warehouse
from batch_transform.report.access import MAY_READ, may_read_logs, readable_dags
from batch_transform.report.calendar import months_of, year_of_runs, years_of
from batch_transform.report.live import UNREADABLE, report_of_run
from batch_transform.report.overview import lines_of
from batch_transform.report.pages import Frame, page, run_page
from batch_transform.report.runs import SeenRun, failed_tasks, find_run, runs_of, seen
from batch_transform.report.safety import protect
from batch_transform.report.subjects import Subject, subjects_of_dag, subjects_of_run
from batch_transform.report.words import last_words
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.protocol import Lend

_LATEST = 30  # partitions in the table below a calendar
_DAYS_OF_A_YEAR = 366
_CONNECTION_SECONDS = 60  # then it is looked at again


def deployment() -> Deployment:
    """Return the settings of this deployment, from the API server's environment."""
    return Deployment.from_environ(os.environ)


def aws(settings: Annotated[Deployment, Depends(deployment)]) -> AwsServices:
    """Return clients of AWS, which give up after seconds: somebody waits for the page.

    To make them takes as long as a page does, and megabytes that are not all given back: they are
    made anew when the connection is another.
    """
    period = time.monotonic() // _CONNECTION_SECONDS
    return _clients(settings.aws_conn_id, _connection(settings.aws_conn_id, period))


@lru_cache(maxsize=1)
def _connection(conn_id: str, period: float) -> str:
    try:
        return BaseHook.get_connection(conn_id).get_uri()
    except AirflowNotFoundException:  # then the clients find their credentials themselves
        return ""


@lru_cache(maxsize=1)
def _clients(conn_id: str, connection: str) -> AwsServices:
    return Aws(conn_id).hurried()


def lend() -> Lend:
    """Return what lends the warehouse of a target."""
    return open_warehouse


DeploymentDep = Annotated[Deployment, Depends(deployment)]
AwsDep = Annotated[AwsServices, Depends(aws)]
LendDep = Annotated[Lend, Depends(lend)]

app = FastAPI(title="Batch Transform", openapi_url=None)
protect(app)


@app.get("/", dependencies=[MAY_READ])
def all_pipelines(
    request: Request, session: SessionDep, dag_ids: Annotated[set[str], Depends(readable_dags)]
) -> HTMLResponse:
    """List all pipelines that the user may read."""
    lines = lines_of(dag_ids, session)
    return HTMLResponse(page("pipelines.html", root=_root(request), lines=lines))


@app.get("/pipelines/{dag_id}", dependencies=[MAY_READ])
def partitions(
    request: Request,
    dag_id: str,
    session: SessionDep,
    settings: DeploymentDep,
    lend: LendDep,
    year: Annotated[int | None, Query(ge=1900, le=2199)] = None,
) -> HTMLResponse:
    """Show the partitions of a DAG's pipelines in a year."""
    subjects = subjects_of_dag(dag_id, session) or _none(dag_id)
    shown = [_calendar(dag_id, subject, session, lend, year) for subject in subjects]
    facts = {"root": _root(request), "dag_id": dag_id, "shown": shown, "prices": settings.prices}
    return HTMLResponse(page("partitions.html", **facts))


@app.get("/runs/{dag_id}/{run_id}", dependencies=[MAY_READ])
@app.get("/tasks/{dag_id}/{run_id}/{task_id}", dependencies=[MAY_READ])
def run_report(
    request: Request,
    dag_id: str,
    run_id: str,
    session: SessionDep,
    settings: DeploymentDep,
    aws: AwsDep,
    may_read_logs: Annotated[bool, Depends(may_read_logs)],
    task_id: str = "",
) -> HTMLResponse:
    """Show what a run did, or has done so far; where a task is named, that of its pipeline."""
    run = find_run(dag_id, run_id, session)
    if run is None:
        raise HTTPException(404, f"{dag_id} has no run {run_id}.")
    subjects = subjects_of_run(run, session) or _none(dag_id)
    if len(subjects) > 1 and not task_id:
        facts = {"root": _root(request), "dag_id": dag_id, "run_id": run_id, "subjects": subjects}
        return HTMLResponse(page("groups.html", **facts))
    subject = next((each for each in subjects if not task_id or each.has(task_id)), subjects[0])
    found = seen(run, subject, session)
    words = _words(found, session) if may_read_logs else {}
    report, problem = report_of_run(found, words, settings, aws)
    frame = Frame(
        root=_root(request),
        dag_id=dag_id,
        shows_records=may_read_logs,
        task_id=task_id.removeprefix(subject.prefix),
        goes_on=found.goes_on,
        problem=problem,
    )
    return HTMLResponse(run_page(report, frame))


def _words(run: SeenRun, session: SessionDep) -> dict[tuple[str, int], str]:
    prefix = run.subject.prefix
    return {
        (ti.task_id.removeprefix(prefix), ti.map_index): last_words(ti)
        for ti in failed_tasks(run, session)
    }


def _calendar(
    dag_id: str, subject: Subject, session: SessionDep, lend: Lend, year: int | None
) -> dict[str, Any]:
    """Return what the template of a calendar is given: of a year, or of the last run's."""
    runs = runs_of(dag_id, subject.timezone, session)
    year = year or year_of_runs(runs)
    entries, problem = _entries(subject, lend, date(year + 1, 1, 1) if year else date.max)
    shown = year or next((entry.partition.year for entry in entries), datetime.now(UTC).year)
    return {
        "subject": subject,
        "problem": problem,
        "year": shown,
        "years": years_of(entries, runs, shown),
        "months": months_of(shown, entries, runs),
        "entries": [entry for entry in entries if entry.partition.year == shown][:_LATEST],
    }


def _entries(subject: Subject, lend: Lend, before: date) -> tuple[Sequence[Entry], str]:
    """Read the ledger, or say why it cannot be read: the runs are shown all the same."""
    try:
        with lend(subject.target) as warehouse:
            found = warehouse.recent(subject.target, subject.pipeline, before, _DAYS_OF_A_YEAR)
    except UNREADABLE as error:
        return (), str(error)
    return found, ""


def _none(dag_id: str) -> list[Subject]:
    raise HTTPException(404, f"{dag_id} has no pipeline of batch transform.")


def _root(request: Request) -> str:
    """Return the path that the pages are mounted at."""
    return str(request.scope.get("root_path", ""))
