"""The report task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.following.watch import owner_of
from batch_transform.links import REPORT_LINKS
from batch_transform.open_warehouse import open_warehouse
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.publish.judge import declared_checks, history_needed
from batch_transform.scoring.reports.keep import write
from batch_transform.scoring.reports.left import Left, Trail, read_left
from batch_transform.scoring.reports.make import Known, report_of
from batch_transform.scoring.reports.report import RunReport, TaskRun
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.protocol import Lend
from batch_transform.tasks import in_order
from batch_transform.this_run import given


@dataclass(frozen=True, kw_only=True)
class _Ledger:
    """The load of the partition, where the run has made or proven it, and those before it."""

    entry: Entry | None = None
    history: tuple[Entry, ...] = ()


class ReportOperator(BaseOperator):
    """Writes what the run did to S3, as JSON and as a page.

    A run that fails does not come so far: what is known of it is shown by the plugin's pages, which
    make such a report when somebody asks.

    Returns, each also as an XCom of its own, what stands in lists of runs: ``{"partition":
    "2013-06-01", "report": "s3://…/report.json", "rows": 842, …}``.
    """

    template_fields = ("index", "job_name", "coverage", "loaded", "subject")
    operator_extra_links = REPORT_LINKS
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        index: Any,
        job_name: Any,
        coverage: Any,
        loaded: Any,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        lend: Lend = open_warehouse,
        **kwargs: Any,
    ) -> None:
        """Report on what the tasks before have handed on, each None where it was skipped."""
        super().__init__(multiple_outputs=True, **kwargs)
        self.index = index
        self.job_name = job_name
        self.coverage = coverage
        self.loaded = loaded
        self.subject = subject_of(pipeline)
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect
        self.lend = lend

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Gather, write, and say where it lies."""
        aws = services(self)
        trail = Trail(
            index=self.index or "",
            job_names=given(self.job_name),
            coverages=given(self.coverage),
            run_tag=owner_of(context, self.deployment.root).run,
        )
        left = read_left(trail, aws)
        if left.index is None or left.layout is None:
            self.log.info("Nothing was extracted: there is nothing to report on")
            raise AirflowSkipException
        place = left.layout.reports / str(context["ti"].id)
        report = write(self._report(context, left, left.index), place, aws.objects)
        self.log.info("The report is in %s", report.places["page"])
        return summary(report)

    def _report(self, context: Context, left: Left, index: ExtractIndex) -> RunReport:
        settings, ti = self.pipeline.settings, context["ti"]
        ledger = self._ledger(index)
        known = Known(
            pipeline=self.pipeline.name,
            table=settings.target.table,
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            state="success",
            now=datetime.now(UTC),
            tasks=tuple(self._tasks(context)),
            checks=tuple(declared_checks(settings.checks, settings.predictions)),
            entry=ledger.entry,
            history=ledger.history,
            published=self.loaded["changed"] if self.loaded else None,
            prices=self.deployment.prices,
        )
        return report_of(known, left)

    def _ledger(self, index: ExtractIndex) -> _Ledger:
        """Read the ledger: of the partition, unless the run was not to publish it."""
        if not self.loaded:
            return _Ledger()
        settings, day = self.pipeline.settings, index.partition
        count = history_needed(settings.checks)
        with self.lend(settings.target) as warehouse:
            history = warehouse.recent(settings.target, self.pipeline.name, day, count)
            published = self.loaded.get("published", True)
            entry = warehouse.in_force(settings.target, day) if published else None
        return _Ledger(entry=entry, history=tuple(history))

    def _tasks(self, context: Context) -> Iterator[TaskRun]:
        """Yield the tasks before this one; Airflow tells a task how long they took, and no more."""
        ti, mine = context["ti"], self.get_flat_relative_ids(upstream=True)
        crumbs = RuntimeTaskInstance.get_task_breadcrumbs(dag_id=ti.dag_id, run_id=ti.run_id)
        for crumb in in_order(crumbs, lambda each: (each["task_id"], each["map_index"])):
            if crumb["task_id"] in mine:
                yield TaskRun(
                    task_id=crumb["task_id"],
                    map_index=crumb["map_index"],
                    state=crumb["state"],
                    seconds=crumb["duration"],
                )


def subject_of(pipeline: Pipeline) -> dict[str, Any]:
    """Return what the plugin's pages need of a pipeline: they read it from the serialized DAG."""
    target = pipeline.settings.target
    return {
        "pipeline": pipeline.name,
        "timezone": pipeline.settings.schedule.timezone,
        "target": target.model_dump(include={"conn_id", "table", "partition_column"}),
    }


def summary(report: RunReport) -> dict[str, Any]:
    """Return the XCom of a report."""
    return {
        "pipeline": report.pipeline,
        "partition": report.partition.isoformat() if report.partition else None,
        "report": report.places["report"],
        "page": report.places["page"],
        "records": report.funnel.records,
        "rows": report.funnel.rows,
        "quarantined": report.funnel.quarantined,
        "means": {each.name: each.mean for each in report.predictions},
        "jobs_started": sum(job.paid_here for job in report.jobs),
        "dollars": report.dollars,
    }
