"""Who watches which transform job, as a task knows it and as a trigger carries it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from airflow.sdk import Context

from batch_transform.scoring.jobs.memory import Chain
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.names import S3Uri


@dataclass(frozen=True, kw_only=True)
class JobWatch:
    """A job, who watches it, and how: in JSON values.

    Attributes:
        job_name: the job; empty where the attempt may have none yet.
        index: URI of the index of what it was sent.
        owner: the attempt that watches.
        aws_conn_id: Airflow connection.
        deadline_seconds: how long the job may take from its creation.
        poll_seconds: the longest pause between two looks.
        follows_log: whether to show at each look what the container has logged since.
    """

    job_name: str
    index: str
    owner: Owner
    aws_conn_id: str
    deadline_seconds: float
    poll_seconds: float
    follows_log: bool = False

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> JobWatch:
        """Read what ``as_json`` gave."""
        return cls(**{**content, "owner": Owner(**content["owner"])})

    def as_json(self) -> dict[str, Any]:
        """Return the watch as JSON values."""
        return asdict(self)


def owner_of(context: Context, root: S3Uri) -> Owner:
    """Return the attempt that is running now, as an owner of jobs of a deployment."""
    ti = context["ti"]
    return Owner(
        deployment=str(root),
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        try_number=ti.try_number,
    )


def chain_of(context: Context) -> Chain:
    """Return the tries that the running attempt belongs to: each clear allows a task more of them.

    https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dag-run.html
    """
    ti = context["ti"]
    retries = context["task"].retries or 0
    return Chain(attempt=str(ti.id), number=ti.max_tries, cleared=ti.max_tries > retries)
