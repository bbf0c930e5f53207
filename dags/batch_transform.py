"""One DAG for each folder of pipelines: extract, manifest, transform, wait, recover, load."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time, timedelta

from airflow.sdk import DAG, XComArg

from batch_transform.extract import resubmit_param
from batch_transform.load import LoadOperator, publish_param
from batch_transform.manifest import BuildManifestOperator
from batch_transform.partition import partition_param
from batch_transform.pipelines import InvalidPipelines, read_all
from batch_transform.pools import pool_of
from batch_transform.recover import RecoverOperator
from batch_transform.retrying import RetryByType
from batch_transform.runbook import runbook
from batch_transform.slicing import extract_tasks
from batch_transform.timetable import PartitionTimetable
from batch_transform.transform import TransformOperator, force_param
from batch_transform.wait import TransformSensor
from include.scoring import request
from include.scoring.settings import Settings
from include.scoring.spec import Pipeline

# What waiting cures may take hours; RetryByType gives other errors fewer.
RETRIES_OF_JOBS = 8


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
        params={
            "partition": partition_param(),
            "force_rerun": force_param(),
            "resubmit": resubmit_param(),
            "publish_blocked": publish_param(),
        },
        tags={"batch-transform", spec.record.format},
        default_args={
            "owner": spec.owner,
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
            "execution_timeout": spec.limits.deadline,
        },
    ) as dag:
        extract = extract_tasks(pipeline, settings)
        build_manifest = BuildManifestOperator(
            task_id="build_manifest",
            index=XComArg(extract, "index"),
            pipeline=pipeline,
            settings=settings,
        )
        transform = TransformOperator(
            task_id="transform",
            index=XComArg(extract, "index"),
            places=request.JobPlaces(
                manifest=str(XComArg(build_manifest, "manifest")),
                output=str(XComArg(build_manifest, "output")),
            ),
            pipeline=pipeline,
            settings=settings,
            retries=RETRIES_OF_JOBS,
            retry_policy=RetryByType(),
            **pool_of(pipeline, settings),
        )
        wait = TransformSensor(
            task_id="wait",
            job_name=XComArg(transform, "job_name"),
            index=XComArg(extract, "index"),
            settings=settings,
            deadline=spec.limits.deadline,
            retry_policy=RetryByType(),
        )
        recover = RecoverOperator(
            task_id="recover",
            index=XComArg(extract, "index"),
            job_name=XComArg(wait, "job_name"),
            pipeline=pipeline,
            settings=settings,
            retries=RETRIES_OF_JOBS,
            retry_policy=RetryByType(),
            **pool_of(pipeline, settings),
        )
        load = LoadOperator(
            task_id="load",
            index=XComArg(extract, "index"),
            job_name=XComArg(wait, "job_name"),
            job_output=XComArg(wait, "output"),
            coverage=XComArg(recover, "coverage"),
            trigger_rule="none_failed",  # a partition without records has no job to wait for
            pipeline=pipeline,
            settings=settings,
        )
        build_manifest >> transform >> wait >> recover >> load
    return dag


def _declare() -> None:
    settings = Settings.from_environ(os.environ)
    pipelines, invalid = read_all(settings.pipelines)
    for pipeline in pipelines:
        globals()[pipeline.name] = scoring_dag(pipeline, settings)
    if invalid:
        globals()["invalid_pipelines"] = InvalidPipelines(invalid)


_declare()
