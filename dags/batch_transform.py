"""One DAG for each folder of pipelines: extract, manifest, transform, wait, recover, load."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time, timedelta
from typing import Any

from airflow.sdk import DAG, XComArg

from batch_transform.declared import InvalidPipelines, read_all
from batch_transform.following.retrying import RetryByType
from batch_transform.operators.build_manifest import BuildManifestOperator
from batch_transform.operators.join_slices import extract_tasks
from batch_transform.operators.load import LoadOperator
from batch_transform.operators.recover import RecoverOperator
from batch_transform.operators.transform import TransformOperator
from batch_transform.operators.wait import TransformSensor
from batch_transform.params import run_params
from batch_transform.pools import pool_of
from batch_transform.runbook import runbook
from batch_transform.scoring.deployment import Settings
from batch_transform.scoring.jobs import request
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.timetable import PartitionTimetable

# What waiting cures may take hours; RetryByType gives other errors fewer.
RETRIES_OF_JOBS = 8
# Mostly there is nothing to recover: then a run that is nearly done does not wait for those behind.
FIRST_IN_THE_POOL = 100


def scoring_dag(pipeline: Pipeline, settings: Settings) -> DAG:
    """Bind one pipeline to Airflow."""
    spec = pipeline.settings
    with DAG(
        dag_id=pipeline.name,
        description=spec.description,
        doc_md=runbook(pipeline),
        schedule=PartitionTimetable(spec.schedule.timezone, f"{spec.schedule.at:%H:%M}"),
        start_date=datetime.combine(spec.start_date, time.min, UTC),
        catchup=False,
        params=run_params(),
        tags={"batch-transform", spec.record.format},
        default_args={
            "owner": spec.owner,
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
            "execution_timeout": spec.limits.deadline,
        },
    ) as dag:
        _bind_tasks(pipeline, settings)
    return dag


def _bind_tasks(pipeline: Pipeline, settings: Settings) -> None:
    """Make the tasks of a DAG, and hand on what each leaves."""
    extract = extract_tasks(pipeline, settings)
    index = XComArg(extract, "index")
    bound: dict[str, Any] = {"index": index, "pipeline": pipeline, "settings": settings}
    paid: dict[str, Any] = {"retries": RETRIES_OF_JOBS, "retry_policy": RetryByType()}
    pool = pool_of(pipeline, settings)
    build_manifest = BuildManifestOperator(task_id="build_manifest", **bound)
    places = request.JobPlaces(
        manifest=str(XComArg(build_manifest, "manifest")),
        output=str(XComArg(build_manifest, "output")),
    )
    transform = TransformOperator(task_id="transform", places=places, **bound, **paid, **pool)
    wait = TransformSensor(
        task_id="wait",
        job_name=XComArg(transform, "job_name"),
        index=index,
        settings=settings,
        deadline=pipeline.settings.limits.deadline,
        retry_policy=RetryByType(),
    )
    recover = RecoverOperator(
        task_id="recover",
        job_name=XComArg(wait, "job_name"),
        priority_weight=FIRST_IN_THE_POOL,
        weight_rule="absolute",
        **bound,
        **paid,
        **pool,
    )
    load = LoadOperator(
        task_id="load",
        job_name=XComArg(wait, "job_name"),
        job_output=XComArg(wait, "output"),
        coverage=XComArg(recover, "coverage"),
        trigger_rule="none_failed",  # a partition without records has no job to wait for
        **bound,
    )
    build_manifest >> transform >> wait >> recover >> load


def _declare() -> None:
    settings = Settings.from_environ(os.environ)
    pipelines, invalid = read_all(settings.pipelines)
    for pipeline in pipelines:
        globals()[pipeline.name] = scoring_dag(pipeline, settings)
    if invalid:
        globals()["invalid_pipelines"] = InvalidPipelines(invalid)


_declare()
