"""The report of a run: as it has written it, or as far as it has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from airflow.sdk.exceptions import AirflowException
from botocore.exceptions import BotoCoreError

from batch_transform.connections import AwsServices
from batch_transform.report.runs import SeenRun
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import ScoringError
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.reports.keep import read
from batch_transform.scoring.reports.left import Left, read_left, uri_of
from batch_transform.scoring.reports.make import Known, report_of
from batch_transform.scoring.reports.report import RunReport

# Of AWS or a warehouse that this process cannot ask, or may not.
UNREADABLE = (ScoringError, AirflowException, BotoCoreError)


def report_of_run(
    run: SeenRun, words: Mapping[tuple[str, int], str], deployment: Deployment, aws: AwsServices
) -> tuple[RunReport, str]:
    """Return the report of a run, and why something is missing in it; empty where nothing is.

    Args:
        run: the run.
        words: what its failed tasks said, by id and map index.
        deployment: where its objects lie.
        aws: S3 and SageMaker.
    """
    tasks = tuple(
        task.model_copy(update={"words": words.get((task.task_id, task.map_index), "")})
        for task in run.tasks
    )
    try:
        stored = _stored(run, deployment, aws)
        if stored is not None:
            return stored.model_copy(update={"tasks": tasks, "state": run.state}), ""
        left, problem = _left(run, deployment, aws), ""
    except UNREADABLE as error:
        left, problem = Left(), str(error)
    known = Known(
        pipeline=run.subject.pipeline,
        table=run.subject.target.table,
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=run.state,
        now=datetime.now(UTC),
        partition=run.partition,
        plan=run.plan,
        tasks=tasks,
        progress=run.progress,
        prices=deployment.prices,
    )
    return report_of(known, left), problem


def _stored(run: SeenRun, deployment: Deployment, aws: AwsServices) -> RunReport | None:
    """Read the report that the run has written, where it lies among the pipeline's objects."""
    place = f"{deployment.root / run.subject.pipeline}/"
    if not run.report.startswith(place):
        return None
    return read(uri_of(run.report), aws.objects)


def _left(run: SeenRun, deployment: Deployment, aws: AwsServices) -> Left:
    owner = Owner(deployment=str(deployment.root), dag_id=run.dag_id, run_id=run.run_id, task_id="")
    return read_left(run.trail(owner.run), aws)
