"""What an attempt at a task needs to watch a transform job, wherever it is watched from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from batch_transform.connections import transform_services
from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.look import Services, Watched
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at one task, in JSON values, so that a trigger can carry it.

    Attributes:
        attempt: id of the task instance, which Airflow makes anew for each attempt.
        dag_id: the task's DAG.
        run_id: the task's run.
        task_id: the task.
    """

    attempt: str
    dag_id: str
    run_id: str
    task_id: str

    @classmethod
    def of(cls, context: Context) -> Attempt:
        """Read the attempt that is running now."""
        ti = context["ti"]
        return cls(attempt=str(ti.id), dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A job, who watches it, and how: in JSON values.

    Attributes:
        job_name: the job.
        index: URI of the extract's index.
        by: the attempt that watches.
        aws_conn_id: Airflow connection.
        deadline_seconds: how long the job may take from its creation.
        poll_seconds: the longest pause between two looks.
    """

    job_name: str
    index: str
    by: Attempt
    aws_conn_id: str
    deadline_seconds: float
    poll_seconds: float

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Watch:
        """Read what ``as_json`` gave."""
        return cls(**{**content, "by": Attempt(**content["by"])})

    def as_json(self) -> dict[str, Any]:
        """Return the watch as JSON values."""
        return asdict(self)

    def open(self) -> tuple[Services, Watched]:
        """Connect to AWS, and read what was sent to the job."""
        services = transform_services(self.aws_conn_id)
        with translated():
            index = ExtractIndex.from_json(services.objects.get(S3Uri.parse(self.index)))
        return services, Watched(
            name=self.job_name,
            index=index,
            attempt=self.by.attempt,
            deadline=timedelta(seconds=self.deadline_seconds),
        )


def result(job: Job, watched: Watched, how: str) -> dict[str, Any]:
    """Return what later tasks need to know of a job."""
    return {
        "job_name": job.name,
        "job_arn": job.arn,
        "how": how,
        "status": job.status,
        "manifest": job.manifest,
        "output": str(job.output),
        "instance_type": job.instance_type,
        "records": watched.index.records,
        "shards": len(watched.index.shards),
    }
