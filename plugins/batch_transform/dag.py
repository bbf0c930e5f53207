"""Pipelines bound to Airflow: a DAG for each folder, or a task group in a DAG of your own.

A DAG file is three lines::

    # One Airflow DAG for each pipeline folder.
    from batch_transform.dag import declare
    declare(globals(), pipelines="/opt/airflow/pipelines")

and a second one shows the folders that cannot be read, with ``report_invalid`` in its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Self

from airflow.sdk import (
    DAG,
    BaseOperator,
    TaskGroup,
    XComArg,
    get_parsing_context,
    task_group,
)
from airflow.sdk.configuration import conf

from batch_transform.assets import asset_of
from batch_transform.following.retrying import RetryByType
from batch_transform.invalid import InvalidPipelines
from batch_transform.notices import notices
from batch_transform.operators.build_manifest import BuildManifestOperator
from batch_transform.operators.join_slices import extract_tasks
from batch_transform.operators.load import LoadOperator
from batch_transform.operators.plan import PlanOperator
from batch_transform.operators.reconcile import ReconcileOperator
from batch_transform.operators.recover import RecoverOperator
from batch_transform.operators.report import ReportOperator
from batch_transform.operators.transform import TransformOperator
from batch_transform.operators.wait import TransformSensor
from batch_transform.params import run_params
from batch_transform.placement import placement
from batch_transform.pools import pool_of
from batch_transform.runbook import runbook
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import PipelineInvalid
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.pipelines import (
    pipeline_folders,
    read_all,
    read_folder,
    read_pipeline,
)
from batch_transform.tasks import REPORT
from batch_transform.timetable import PartitionTimetable
from batch_transform.upkeep import TAG, housekeeping_dag, janitor_dag

# What waiting cures may take hours; RetryByType gives other errors fewer.
RETRIES_OF_JOBS = 8
_GROUP_LABEL = "group {{ task.group }}"  # beside a mapped task in the UI, once it runs
# Mostly there is nothing to recover: then a run that is nearly done does not wait for those behind.
FIRST_IN_THE_POOL = 100


def declare(
    namespace: MutableMapping[str, Any], *, pipelines: Path | str, janitor: bool = True
) -> None:
    """Put a DAG for each valid pipeline folder into the namespace of a DAG file.

    Args:
        namespace: ``globals()`` of the DAG file.
        pipelines: the folder whose subfolders are the pipelines; the environment variable
            ``BATCH_TRANSFORM_PIPELINES`` names another one where it is set.
        janitor: whether to declare the DAG that stops orphaned jobs, too, and the one that deletes
            what is old where ``BATCH_TRANSFORM_KEEP_DAYS`` is set: once in a deployment.

    Raises:
        ConfigurationError: the deployment's environment is wrong, or there is no such folder.
    """
    deployment = Deployment.from_environ(os.environ)
    root = deployment.pipelines or Path(pipelines)
    mine = _of_this_task(root)
    read = read_all(root) if mine is None else [mine]
    dags = [each for each in _dags(read, deployment) if not isinstance(each, PipelineInvalid)]
    if janitor and mine is None:
        dags.extend(_upkeep([each for each in read if isinstance(each, Pipeline)], deployment))
    namespace.update({f"_dag_{dag.dag_id}": dag for dag in dags})


def _of_this_task(root: Path) -> Pipeline | PipelineInvalid | None:
    """Return the pipeline whose task this process runs; None where a file is read for all its DAGs.

    A worker reads the DAG file for each task, and would else read and check every pipeline for it.
    https://airflow.apache.org/docs/apache-airflow/stable/howto/dynamic-dag-generation.html#optimizing-dag-parsing-delays-during-execution
    """
    asked = get_parsing_context().dag_id
    folders = (each for each in pipeline_folders(root) if each.name == asked)
    return next(map(read_folder, folders), None)


def _upkeep(pipelines: list[Pipeline], deployment: Deployment) -> Iterator[DAG]:
    yield janitor_dag(pipelines, deployment)
    if deployment.keep:
        yield housekeeping_dag(pipelines, deployment)


def report_invalid(namespace: MutableMapping[str, Any], *, pipelines: Path | str) -> None:
    """Show the pipeline folders that cannot become DAGs as an import error of this DAG file alone.

    The arguments are those of ``declare``, which passes the same folders over.
    """
    deployment = Deployment.from_environ(os.environ)
    read = read_all(deployment.pipelines or Path(pipelines))
    errors = [each for each in _dags(read, deployment) if isinstance(each, PipelineInvalid)]
    if errors:
        namespace["batch_transform_invalid"] = InvalidPipelines(errors)


def scoring_dag(pipeline: Pipeline, deployment: Deployment) -> DAG:
    """Bind one pipeline to Airflow as a DAG of its own."""
    spec = pipeline.settings
    with DAG(
        dag_id=pipeline.name,
        description=spec.description,
        doc_md=runbook(pipeline),
        schedule=PartitionTimetable(spec.schedule.timezone, f"{spec.schedule.at:%H:%M}"),
        start_date=datetime.combine(spec.start_date, time.min, UTC),
        catchup=False,
        params=run_params(),
        max_active_tasks=_at_once(spec),
        tags={TAG, spec.record.format},
        **notices(spec.notify),
        default_args=_task_policy(pipeline),
        # A DAG is what is put into a namespace; Airflow would also take one that failed half made.
        auto_register=False,
    ) as dag:
        _bind_tasks(pipeline, deployment)
    return dag


def batch_transform_group(
    pipeline: Pipeline | Path | str, *, group_id: str | None = None
) -> TaskGroup:
    """Make the tasks of a pipeline as a task group, inside a DAG of your own.

    The DAG's runs say which partition they score, as those of a pipeline's own DAG do: by the
    parameter ``partition`` where the DAG has it (``params=run_params()``), else by partition key or
    logical date.
    https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#taskgroups

    Args:
        pipeline: a pipeline, or its folder.
        group_id: of the group; the pipeline's name by default.

    Raises:
        ConfigurationError: the deployment's environment is wrong.
        PipelineInvalid: the folder is not a valid pipeline.
    """
    if not isinstance(pipeline, Pipeline):
        pipeline = read_pipeline(Path(pipeline))
    deployment = Deployment.from_environ(os.environ)
    with TaskGroup(
        group_id or pipeline.name,
        tooltip=pipeline.settings.description,
        default_args=_task_policy(pipeline),  # type: ignore[arg-type]  # its stub loses the type
    ) as group:
        _bind_tasks(pipeline, deployment)
    return group


def _dags(
    pipelines: Iterable[Pipeline | PipelineInvalid], deployment: Deployment
) -> Iterator[DAG | PipelineInvalid]:
    """Make the DAG of every pipeline folder; one that cannot be made does not stop the others."""
    for pipeline in pipelines:
        if isinstance(pipeline, PipelineInvalid):
            yield pipeline
            continue
        try:
            yield scoring_dag(pipeline, deployment)
        except Exception as error:  # ours, and the other pipelines' DAGs have no part in it
            reason = f"no DAG can be made of it: {type(error).__name__}: {error}"
            yield PipelineInvalid(pipeline.name, [f"pipeline.yaml:1: the file: {reason}"])


def _task_policy(pipeline: Pipeline) -> dict[str, Any]:
    """Return the arguments of every task of a pipeline, unless it has its own."""
    return {
        "owner": pipeline.settings.owner,
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": pipeline.settings.limits.deadline,
        **placement(pipeline.settings.workers),
    }


def _at_once(settings: PipelineFile) -> int:
    """Return how many tasks of a run may run at once: all slices, whatever Airflow's default is."""
    airflows_own: int = conf.getint("core", "max_active_tasks_per_dag")
    asked = (settings.extract.count, settings.transform.jobs, settings.load.groups)
    return max(airflows_own, *asked)


def _bind_tasks(pipeline: Pipeline, deployment: Deployment) -> None:
    """Make the tasks of a run, and hand on what each leaves."""
    plan = PlanOperator(task_id="plan", pipeline=pipeline, deployment=deployment)
    extract = extract_tasks(pipeline, deployment, XComArg(plan))
    index = XComArg(extract, "index")
    bound: dict[str, Any] = {"index": index, "pipeline": pipeline, "deployment": deployment}
    job = _Job.of_each(extract, bound) if pipeline.settings.transform.jobs > 1 else _Job.of(bound)
    answered: dict[str, Any] = {
        "job_name": XComArg(job.wait, "job_name"),
        "coverage": XComArg(job.recover, "coverage"),
        "trigger_rule": "none_failed",  # a partition without records has no job to wait for
        **bound,
    }
    load = _load_tasks(pipeline, answered)
    report = ReportOperator(task_id=REPORT, loaded=XComArg(load), **answered)
    job.recover >> load >> report


@dataclass(frozen=True, kw_only=True)
class _Job:
    """The tasks of a transform job that hand something on."""

    wait: TransformSensor
    recover: RecoverOperator

    @classmethod
    def of(cls, bound: Mapping[str, Any], prefix: str = "") -> Self:
        """Make the tasks of a job, for the extract that ``bound`` is about."""
        pipeline, deployment = bound["pipeline"], bound["deployment"]
        paid: dict[str, Any] = {"retries": RETRIES_OF_JOBS, "retry_policy": RetryByType()}
        pool = pool_of(pipeline, deployment)
        build_manifest = BuildManifestOperator(task_id=f"{prefix}build_manifest", **bound)
        transform = TransformOperator(task_id=f"{prefix}transform", **bound, **paid, **pool)
        wait = TransformSensor(
            task_id=f"{prefix}wait",
            job_name=XComArg(transform, "job_name"),
            index=bound["index"],
            deployment=deployment,
            deadline=pipeline.settings.limits.deadline,
            retry_policy=RetryByType(),
        )
        recover = RecoverOperator(
            task_id=f"{prefix}recover",
            job_name=XComArg(wait, "job_name"),
            priority_weight=FIRST_IN_THE_POOL,
            weight_rule="absolute",
            **bound,
            **paid,
            **pool,
        )
        build_manifest >> transform >> wait >> recover
        return cls(wait=wait, recover=recover)

    @classmethod
    def of_each(cls, joined: BaseOperator, bound: Mapping[str, Any]) -> Self:
        """Make the tasks of several jobs: mapped, so that each job goes its way alone.

        How many there are is known before a run, so that all wait in the right pools.
        https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/dynamic-task-mapping.html
        """
        prefix = joined.task_id.removesuffix("join_slices")  # a group's, which the inner hides
        mine = {**bound, "index": XComArg(joined, "indexes")}
        made: list[Self] = []

        @task_group(group_id="jobs", prefix_group_id=False)
        def jobs(job: int) -> None:
            made.append(cls.of(mine, prefix))

        jobs.expand(job=list(range(bound["pipeline"].settings.transform.jobs)))
        return made[0]


def _load_tasks(pipeline: Pipeline, answered: Mapping[str, Any]) -> LoadOperator:
    """Make the task that loads, and those before it that prove groups of the outputs."""
    outlets, groups = [asset_of(pipeline)], pipeline.settings.load.groups
    if groups == 1:
        return LoadOperator(task_id="load", outlets=outlets, **answered)
    reconcile = ReconcileOperator.partial(
        task_id="reconcile", map_index_template=_GROUP_LABEL, **answered
    ).expand(group=list(range(groups)))
    proven = XComArg(reconcile, "proven")
    return LoadOperator(task_id="publish", proven=proven, outlets=outlets, **answered)
