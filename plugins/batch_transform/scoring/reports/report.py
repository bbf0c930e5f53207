"""A run's report, as ``report.json`` keeps it; the page is made of nothing else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field

from batch_transform.scoring.frozen import parsed
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.reports.comparison import Change
from batch_transform.scoring.reports.part import Part

FILE_NAME, PAGE_NAME = "report.json", "report.html"


class Funnel(Part):
    """What became of every row of the source; None where that is not known yet.

    Attributes:
        source_rows: rows that the source gave.
        oversized: those that were too large for a record, and are in no shard.
        records: records sent to the model.
        shards: objects that hold them.
        size: bytes of those objects.
        quarantined: records without a fit prediction.
        rows: rows of the partition in the target.
    """

    source_rows: int | None = None
    oversized: int | None = None
    records: int | None = None
    shards: int | None = None
    size: int | None = None
    quarantined: int | None = None
    rows: int | None = None

    @property
    def predictions(self) -> int | None:
        """Records that have one."""
        if self.records is None or self.quarantined is None:
            return None
        return self.records - self.quarantined

    @property
    def accounts_for_all(self) -> bool | None:
        """Whether each row of the source is a row of the target, or named as bad."""
        if None in (self.source_rows, self.oversized, self.predictions, self.rows):
            return None
        sent = (self.oversized or 0) + (self.records or 0)
        return self.source_rows == sent and self.predictions == self.rows


class Progress(Part):
    """How far the transform job of a run that is not over is.

    Attributes:
        eta_seconds: what is left at the pace so far; None before the first output.
    """

    shards_done: int
    shards: int
    records_done: int
    records: int
    eta_seconds: int | None = None


class TaskRun(Part):
    """The last try of a task.

    Attributes:
        state: Airflow's; empty where it was not scheduled yet.
        map_index: of a mapped task; -1 for others.
        started: None where only the task's length is known.
        words: what it said last where it failed.
    """

    task_id: str
    map_index: int = -1
    state: str = ""
    tries: int = 1
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None
    words: str = ""


class JobRun(Part):
    """A transform job.

    Attributes:
        round: 0 for the job that all records were sent to, or each of those that share them; then
            counts those that sent some again.
        paid_here: whether this run started it; else it was attached to, and costs nothing more.
        seconds: from its start to its end; 0 where the service does not tell.
        dollars: what those cost; None where its instance type has no price.
    """

    name: str
    round: int
    status: str
    reason: str = ""
    model: str
    instance_type: str
    instance_count: int
    paid_here: bool
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float = 0.0
    dollars: float | None = None

    @property
    def instance_hours(self) -> float:
        """What is paid for: hours from start to end, of each instance."""
        return self.seconds * self.instance_count / 3600


class Past(Part):
    """A prediction's figures in a partition before."""

    partition: date
    rows: int
    mean: float | None


class Predicted(Part):
    """Figures of one predicted column, and of the last partitions beside it.

    Attributes:
        bins: how many values lie in each equal part between ``low`` and ``high``; empty where the
            prediction has no bounds.
        bins_before: the same of the last partitions together.
        drift: population stability index of the two; None where one of them is empty.
        before: the last partitions, latest first.
    """

    name: str
    mean: float | None = None
    nulls: int = 0
    outside: int = 0
    low: float | None = None
    high: float | None = None
    bins: tuple[int, ...] = ()
    bins_before: tuple[int, ...] = ()
    drift: float | None = None
    before: tuple[Past, ...] = ()


class Check(Part):
    """A check before publishing.

    Attributes:
        level: ``warn``, ``block`` or ``off``.
        facts: what was measured, and allowed, where it failed; empty where it held.
    """

    name: str
    level: str
    facts: str = ""


class RunReport(Part):
    """What a run did, or has done so far.

    Attributes:
        pipeline: the pipeline.
        dag_id: of the run.
        run_id: of the run.
        state: of the run when this was made.
        made_at: when that was.
        partition: the day that is scored; None where the run has not come so far.
        table: where the predictions go.
        model: the model that was asked.
        snapshot_at: when the source was read.
        funnel: what became of its rows.
        progress: of the transform job, while the run goes on.
        tasks: in the order of the run.
        jobs: the transform job, and those that sent records again.
        predictions: figures of each predicted column.
        checks: all that are declared, by name.
        change: what the load changed.
        quarantined: the first of the records without a prediction: which they are, and why.
        request: of CreateTransformJob, without values of the environment.
        plan: what was expected before anything was done, where the run has left it.
        places: URIs of what lies in S3, by name.
    """

    pipeline: str
    dag_id: str
    run_id: str
    state: str
    made_at: datetime
    partition: date | None = None
    table: str = ""
    model: str = ""
    snapshot_at: datetime | None = None
    funnel: Funnel = Funnel()
    progress: Progress | None = None
    tasks: tuple[TaskRun, ...] = ()
    jobs: tuple[JobRun, ...] = ()
    predictions: tuple[Predicted, ...] = ()
    checks: tuple[Check, ...] = ()
    change: Change | None = None
    quarantined: tuple[Quarantined, ...] = ()
    request: dict[str, Any] | None = None
    plan: dict[str, Any] | None = None
    places: dict[str, str] = Field(default_factory=dict)

    @property
    def is_plan(self) -> bool:
        """Whether the run has said what it would do, and no more."""
        return self.plan is not None and self.funnel.source_rows is None

    @property
    def instance_hours(self) -> float:
        """Of all jobs whose answers these are, whoever paid for them."""
        return sum(job.instance_hours for job in self.jobs)

    @property
    def dollars(self) -> float | None:
        """What this run cost; None where an instance type has no price."""
        paid = [job.dollars for job in self.jobs if job.paid_here]
        return None if None in paid else sum(each for each in paid if each is not None)

    @property
    def records_per_second(self) -> float | None:
        """Records through the first job, or those that share them, from start to end."""
        firsts = [job for job in self.jobs if job.round == 0]
        seconds = max((job.seconds for job in firsts), default=0.0)
        if not (seconds and self.funnel.records and all(job.ended for job in firsts)):
            return None
        return self.funnel.records / seconds

    def without_records(self) -> RunReport:
        """Leave out what repeats content of records, for who may not read the DAG's logs."""
        change = self.change
        if change and change.comparison:
            compared = change.comparison.model_copy(update={"largest": ()})
            change = change.model_copy(update={"comparison": compared})
        tasks = tuple(task.model_copy(update={"words": ""}) for task in self.tasks)
        kept: dict[str, Any] = {"quarantined": (), "change": change, "tasks": tasks}
        return self.model_copy(update=kept)

    def to_json(self) -> bytes:
        """Return the content of ``report.json``."""
        return self.model_dump_json(indent=1).encode()

    @classmethod
    def from_json(cls, body: bytes) -> RunReport:
        """Read ``report.json``; what a later version adds is passed over."""
        return parsed(cls, body)
