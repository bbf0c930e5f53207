"""The package's own DAGs, which look after a deployment: janitor and housekeeping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from batch_transform.operators.housekeeping import TidyOperator
from batch_transform.operators.janitor import StopOrphansOperator
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.pipeline import AthenaPlace, EngineName, Pipeline, Query, engine_of

JANITOR = "batch_transform_janitor"
HOUSEKEEPING = "batch_transform_housekeeping"
TAG = "batch-transform"  # by which the plugin's list of pipelines finds them
JANITOR_EVERY = timedelta(minutes=5)  # no job runs for nobody for longer than twice that
_OWNER = "batch-transform"


def janitor_dag(pipelines: Iterable[Pipeline], deployment: Deployment) -> DAG:
    """Make the DAG that stops the deployment's transform jobs which run for no task any more.

    And the statements by which its pipelines unload.
    """
    with DAG(
        dag_id=JANITOR,
        description="Stops transform jobs that run for no task any more",
        doc_md="Each task stops its own transform job when it is marked, or out of time. Where its"
        " process was killed or Airflow was away at that moment, the job runs on for nobody, and is"
        " paid for: this DAG stops it. It asks Airflow about the owners in the job's tags. So it"
        " does with statements that unload, which have their task in their name.",
        schedule=JANITOR_EVERY,
        **_policy(),
    ) as dag:
        StopOrphansOperator(
            task_id="stop_orphans",
            deployment=deployment,
            unload_by=sorted(set(_unload_by(pipelines))),
            owner=_OWNER,
            retries=1,
            retry_delay=timedelta(minutes=1),
            execution_timeout=timedelta(minutes=5),
        )
    return dag


def _unload_by(pipelines: Iterable[Pipeline]) -> Iterator[tuple[EngineName, str, str]]:
    """Yield each engine that unloads, its connection and, of Athena, the workgroup."""
    for pipeline in pipelines:
        source = pipeline.settings.source
        if isinstance(source, Query) and source.unload is not None:
            place = source.unload
            workgroup = place.workgroup if isinstance(place, AthenaPlace) else ""
            yield engine_of(place), source.conn_id, workgroup


def housekeeping_dag(pipelines: Iterable[Pipeline], deployment: Deployment) -> DAG:
    """Make the DAG that deletes what runs left in S3, a task for each pipeline."""
    with DAG(
        dag_id=HOUSEKEEPING,
        description="Deletes what runs left in S3 once it is old and nobody can need it any more",
        doc_md="Shards, outputs and quarantined records are deleted after the days that"
        " `BATCH_TRANSFORM_KEEP_DAYS` says. What stays however old it is: the load in force of each"
        " partition, with all that a retry, a resubmit or a run of the same data asks of it; and a"
        " partition whose latest extract is not loaded. While a run of a pipeline is at work"
        " nothing of the pipeline's is deleted.",
        schedule=timedelta(days=1),
        **_policy(),
    ) as dag:
        for pipeline in pipelines:
            TidyOperator(
                task_id=pipeline.name,
                pipeline=pipeline,
                deployment=deployment,
                owner=pipeline.settings.owner,
                retries=1,
                retry_delay=timedelta(minutes=5),
                execution_timeout=timedelta(hours=4),
            )
    return dag


def _policy() -> dict[str, Any]:
    return {
        "start_date": datetime(2013, 1, 1, tzinfo=UTC),
        "catchup": False,
        "max_active_runs": 1,
        "is_paused_upon_creation": False,
        "tags": {TAG},
    }
