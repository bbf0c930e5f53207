"""The load task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from batch_transform.assets import announce
from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.following.stopping import hurriedly
from batch_transform.lineage import loaded as lineage_of
from batch_transform.links import JOB_LINKS, show_job
from batch_transform.metrics import measure
from batch_transform.open_warehouse import open_warehouse
from batch_transform.operators.answered import run_of
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipeline import Pipeline, Target
from batch_transform.scoring.publish.groups import Proven, publish
from batch_transform.scoring.publish.load import load
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.publish.loaded import Loaded
from batch_transform.scoring.records.quarantine import FILE_NAME
from batch_transform.scoring.warehouse.ledger import quarantine_of
from batch_transform.scoring.warehouse.protocol import Lend, Warehouse
from batch_transform.scoring.warehouse.stage import Stage
from batch_transform.this_run import asked_of


class LoadOperator(BaseOperator):
    """Puts the predictions of a partition into the target, in place of what was there.

    It proves them itself, or publishes what groups of tasks have proven. A run that is to publish
    nothing leaves the target alone.

    Returns ``{"partition": "2013-06-01", "rows": 842, "published": True, "changed": True,
    "quarantined": 0, "means": {"late_probability": 0.166}, "findings": [], "replaces": "",
    "loaded": "s3://…"}``; ``loaded`` is where all of it is kept.
    """

    template_fields = ("index", "job_name", "coverage", "proven")
    operator_extra_links = JOB_LINKS
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        index: Any,
        job_name: Any,
        coverage: Any,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        lend: Lend = open_warehouse,
        proven: Any = None,
        **kwargs: Any,
    ) -> None:
        """Load the predictions for the extract whose index lies at the URI ``index``.

        Where groups of tasks have proven them, ``proven`` are the URIs of what each has left. They
        lie where the job ``job_name`` wrote, which an earlier attempt may have started; None
        where there was no record, and so no job. Where records were sent again, the object at the
        URI ``coverage`` says where all answers lie. Of several jobs each is a list, in their order.
        """
        super().__init__(**kwargs)
        self.index = index
        self.job_name = job_name
        self.coverage = coverage
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect
        self.lend = lend
        self.proven = proven
        self.warehouse: Warehouse | None = None

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Read the outputs, prove them complete, check them, and swap the partition."""
        asked = asked_of(context)
        if asked.dry_run:
            raise AirflowSkipException("The run was only to be planned")
        objects, layout = services(self).objects, RunLayout.of_index(self.index)
        run = run_of(self, context)
        if run.job is not None:
            show_job(self, context, run.job)
        loaded = self._load(run, objects, Stage(objects=objects, prefix=layout.rows))
        objects.put(layout.loaded, loaded.to_json())
        self._report(run.index, loaded)
        announce(self, context, loaded, layout)
        if not loaded.unpublished:
            measure(loaded, self.deployment.prices)
        return {
            "partition": run.index.partition.isoformat(),
            "rows": loaded.rows,
            "published": not loaded.unpublished,
            "changed": loaded.changed,
            "quarantined": loaded.quarantined,
            "means": loaded.means,
            "findings": [str(finding) for finding in loaded.findings],
            "replaces": loaded.replaces,
            "loaded": str(layout.loaded),
        }

    def on_kill(self) -> None:
        """Stop what the warehouse runs by itself."""
        if self.warehouse is not None:
            hurriedly(self.warehouse.stop)

    @contextmanager
    def _lent(self, target: Target, stage: Stage) -> Iterator[Warehouse]:
        with self.lend(target, stage) as warehouse:
            self.warehouse = warehouse
            yield warehouse

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Say where the rows have gone."""
        done = task_instance.xcom_pull(task_ids=self.task_id)
        return lineage_of(done["loaded"], self.pipeline.settings.target, done["rows"])

    def _load(self, run: LoadRun, objects: ObjectStore, stage: Stage) -> Loaded:
        def lent() -> AbstractContextManager[Warehouse]:
            return self._lent(self.pipeline.settings.target, stage)

        if self.proven is None:
            return load(run, objects, lent)
        proven = [Proven.from_json(objects.get(S3Uri.parse(uri))) for uri in self.proven]
        return publish(run, proven, objects, lent)

    def _report(self, index: ExtractIndex, loaded: Loaded) -> None:
        for finding in loaded.findings:
            self.log.warning("Check failed: %s", finding)
        if loaded.quarantined:
            self.log.warning(
                "%d of %d records have no prediction and are in no row. They are in quarantine: %s",
                *(loaded.quarantined, index.records, self._quarantine(index)),
            )
        for line in loaded.lines():
            self.log.info(line)
        if loaded.unpublished:
            self.log.info("Nothing was published: %s", loaded.unpublished)
            return
        if not loaded.changed:
            self.log.info("Partition %s held this load already", index.partition)
        self.log.info("Partition %s holds %d rows", index.partition, loaded.rows)

    def _quarantine(self, index: ExtractIndex) -> str:
        """Say where the records are, and why."""
        target, day = self.pipeline.settings.target, index.partition.isoformat()
        kept = RunLayout.of_index(self.index).quarantine / FILE_NAME
        if target.in_s3:
            return str(kept)
        return (  # shown, not run
            f"SELECT id, status, reason FROM {quarantine_of(target.table)} WHERE target ="  # noqa: S608
            f" '{target.table}' AND partition = '{day}'; the records as they were sent: {kept}"
        )
