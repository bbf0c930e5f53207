"""A night: what is to be scored, and what there is to do it with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_INSTANCES = (
    100  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformResources.html
)
MOST_SLICES = 100
MOST_GROUPS = 100
_AIRFLOWS_OWN = 16  # [core] max_active_tasks_per_dag, which our DAGs raise

SourceKind = Literal["query", "parquet", "unload"]


@dataclass(frozen=True, kw_only=True)
class Night:
    """One partition, the settings of its pipeline, and the deployment that runs it.

    Attributes:
        rows: records of the partition.
        record_bytes: size of a record in a shard, before compression.
        model_speed: records a second that one instance scores.
        deadline: seconds from the start of the run to its end.
        source: what is read: a query of PostgreSQL, Parquet files, or what a warehouse unloads.
        slices: ``extract.slices``.
        jobs: ``transform.jobs``.
        instances: ``transform.instance_count``, of each job.
        groups: ``load.groups``.
        shard_bytes: ``shards.max_bytes``.
        quota: instances of the type that the account may run at once.
        workers: workers of the executor.
        slots: tasks that a worker runs at once.
        cores: of each worker.
        pool: slots of the pool of the extract's tasks; None for no bound.
        max_active_tasks: tasks of a run that may run at once; None for what the DAG has.
    """

    rows: int
    record_bytes: float = 100.0
    model_speed: float
    deadline: float
    source: SourceKind = "query"
    slices: int = 1
    jobs: int = 1
    instances: int = 1
    groups: int = 1
    shard_bytes: int = 64_000_000
    quota: int
    workers: int = 1
    slots: int = 16
    cores: int = 2
    pool: int | None = None
    max_active_tasks: int | None = None

    @property
    def active(self) -> int:
        """Tasks of a run that Airflow lets run at once."""
        return self.max_active_tasks or max(_AIRFLOWS_OWN, self.slices, self.jobs, self.groups)

    @property
    def shards_a_slice(self) -> int:
        """Shards that each slice writes: one at least for each instance that waits for its own."""
        least = math.ceil(self.instances * self.jobs / self.slices)
        return max(least, math.ceil(self.rows / self.slices * self.record_bytes / self.shard_bytes))

    @property
    def shards_a_job(self) -> int:
        """Shards of the job that has the most slices."""
        return self.shards_a_slice * math.ceil(self.slices / self.jobs)

    def refusals(self) -> Iterator[str]:
        """Say what the package, Airflow or SageMaker would refuse, or never start."""
        if self.slices > MOST_SLICES:
            yield f"extract.slices is {self.slices}, and there may be {MOST_SLICES}"
        if self.groups > MOST_GROUPS:
            yield f"load.groups is {self.groups}, and there may be {MOST_GROUPS}"
        if self.jobs > self.slices:
            yield (
                f"transform.jobs is {self.jobs} and extract.slices {self.slices}: a job has one"
                " slice at least"
            )
        if self.instances > MOST_INSTANCES:
            yield (
                f"transform.instance_count is {self.instances}, and SageMaker takes"
                f" {MOST_INSTANCES} in a job: set transform.jobs"
            )
        if self.instances > self.quota:
            yield (
                f"a job of {self.instances} instances never starts within a quota of {self.quota}:"
                " lower transform.instance_count, or have AWS raise the quota"
            )
