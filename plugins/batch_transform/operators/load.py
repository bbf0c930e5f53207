"""The load task."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from batch_transform.connections import Aws, Connect, open_warehouse
from batch_transform.failures import no_retry
from batch_transform.params import PUBLISH, is_asked
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.service import get
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.outputs.fetch import Places, covered
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.publish.load import Job, Loaded, LoadRun, load


class LoadOperator(BaseOperator):
    """Puts the predictions of a partition into the target, in place of what was there.

    Returns ``{"partition": "2013-06-01", "rows": 842, "changed": True, "quarantined": 0,
    "findings": []}``.
    """

    template_fields = ("index", "job_name", "job_output", "coverage")
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        index: Any,
        job_name: Any,
        job_output: Any,
        coverage: Any,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        **kwargs: Any,
    ) -> None:
        """Load the predictions for the extract whose index lies at the URI ``index``.

        They lie below the URI ``job_output``: that of the job ``job_name``, which an earlier
        attempt may have started. Both are None where there was no record, and so no job. Where
        records were sent again, the object at the URI ``coverage`` says where all answers lie.
        """
        super().__init__(**kwargs)
        self.index = index
        self.job_name = job_name
        self.job_output = job_output
        self.coverage = coverage
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Read the outputs, prove them complete, check them, and swap the partition."""
        objects = self.connect(self.deployment.aws_conn_id).objects
        layout = RunLayout.of_index(self.index)
        index = ExtractIndex.from_json(objects.get(layout.index))
        run = LoadRun(
            pipeline=self.pipeline,
            index=index,
            coverage=self._coverage(index, layout, objects),
            quarantine=layout.quarantine,
            job=self._job(index),
            run_id=context["dag_run"].run_id,
            publish_blocked=is_asked(context, PUBLISH),
        )
        with open_warehouse(self.pipeline.settings.target) as warehouse:
            loaded = load(run, objects, warehouse)
        return self._told(index, loaded)

    def _coverage(self, index: ExtractIndex, layout: RunLayout, objects: ObjectStore) -> Coverage:
        if self.coverage:
            return Coverage.from_json(objects.get(S3Uri.parse(self.coverage)))
        output = S3Uri.parse(self.job_output) if self.job_output else layout.output
        return covered(index, objects, Places(input=layout.input, output=output))

    def _job(self, index: ExtractIndex) -> Job:
        if not self.job_name and not index.shards:
            return Job()
        return Job.of(get(self.connect(self.deployment.aws_conn_id).jobs, self.job_name))

    def _told(self, index: ExtractIndex, loaded: Loaded) -> dict[str, Any]:
        for finding in loaded.findings:
            self.log.warning("Check failed: %s", finding)
        if loaded.quarantined:
            self.log.warning("%d records have no prediction; see quarantine", loaded.quarantined)
        if not loaded.changed:
            self.log.info("Partition %s held this load already", index.partition)
        self.log.info("Partition %s holds %d rows", index.partition, loaded.rows)
        return {
            "partition": index.partition.isoformat(),
            "rows": loaded.rows,
            "changed": loaded.changed,
            "quarantined": loaded.quarantined,
            "findings": [str(finding) for finding in loaded.findings],
        }
