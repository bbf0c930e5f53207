"""What a run loads, as each of its tasks that reads the outputs knows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from airflow.sdk import Context

from batch_transform.connections import OfPipeline, services
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.extract.portions import sent_to_jobs
from batch_transform.scoring.jobs.service import Job, get
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.outputs.coverage import Coverage, together
from batch_transform.scoring.outputs.sent import check_recovered, covered
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.this_run import asked_of, given, handed_on, pipeline_of


class ReadsOutputs(OfPipeline, Protocol):
    """A task that proves outputs, or publishes them."""

    index: Any
    job_name: Any
    coverage: Any


def run_of(task: ReadsOutputs, context: Context) -> LoadRun:
    """Return what a run loads: the same for each task that proves a part of it.

    Raises:
        JobMissing: no task before has left a transform job.
        Unreachable: SageMaker does not know of it at this moment.
        OutputError: its outputs are not those of the extract.
    """
    aws, asked = services(task), asked_of(context)
    objects, layout = aws.objects, RunLayout.of_index(task.index)
    index = ExtractIndex.from_json(objects.get(layout.index))
    left = given(task.job_name)
    sent = sent_to_jobs(index, layout, objects) or [index][: len(left)]
    jobs = tuple(get(aws.jobs, name) for name in handed_on(task.job_name, len(sent)))
    return LoadRun(
        pipeline=pipeline_of(context, task.pipeline, task.deployment),
        index=index,
        coverage=_coverage(task, sent, jobs, objects),
        quarantine=layout.quarantine,
        job=jobs[0] if jobs else None,
        beside=jobs[1:],
        run_id=context["dag_run"].run_id,
        snapshot_at=snapshot.read(layout, objects),
        publish_blocked=asked.publish_blocked,
        unpublished=asked.unpublished(task.pipeline.settings),
        is_sample=asked.sample is not None,
    )


def _coverage(
    task: ReadsOutputs, sent: Sequence[ExtractIndex], jobs: Sequence[Job], objects: ObjectStore
) -> Coverage:
    """Bring together where the answers to all records are, by what each job was sent."""
    recovered = handed_on(task.coverage, len(jobs))
    each = zip(sent, jobs, recovered, strict=True)
    return together(_answered(*one, objects) for one in each)


def _answered(
    index: ExtractIndex, job: Job, recovered: str | None, objects: ObjectStore
) -> Coverage:
    """Say where the answers to what one job was sent are."""
    if not recovered:
        return covered(index, job, objects)
    coverage = Coverage.from_json(objects.get(S3Uri.parse(recovered)))
    check_recovered(index, coverage, job, objects)
    return coverage
