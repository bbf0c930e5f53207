"""The extract task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.links import REPORT_LINKS
from batch_transform.open_source import AskedSource, open_asked
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.sources.slices import Slice, slices
from batch_transform.this_run import asked_of, partition_of, pipeline_of


class ExtractOperator(BaseOperator):
    """Streams the source rows of the run's partition into shards in S3.

    Each attempt writes below a prefix of its own, named by the id of the task instance, which
    Airflow makes anew for every try: nothing is ever overwritten.

    Returns, each also as an XCom of its own,
    ``{"partition": "2013-06-01", "records": 842, "shards": 2, "index": "s3://…"}``.
    """

    template_fields = ("plan", "unloaded")
    operator_extra_links = REPORT_LINKS
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        deployment: Deployment,
        slice_number: int | None = None,
        connect: Connect = Aws,
        plan: Any = None,
        unloaded: Any = "",
        **kwargs: Any,
    ) -> None:
        """Extract for a pipeline of this deployment: all rows, or those of one slice.

        The plan of which the task before has told is kept beside what is written. Where an engine
        has unloaded the rows, ``unloaded`` is the URI of its list.
        """
        super().__init__(multiple_outputs=True, **kwargs)
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect
        self.plan = plan
        self.slice_number = slice_number
        self.unloaded = unloaded

    @property
    def part(self) -> Slice | None:
        """The slice that this task extracts; None where it extracts all rows."""
        if self.slice_number is None:
            return None
        return slices(self.pipeline.settings.extract)[self.slice_number]

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Write shards and index."""
        asked = asked_of(context)
        if asked.dry_run:
            raise AirflowSkipException("The run was only to be planned")
        partition = partition_of(context, self.pipeline.settings)
        pipeline = pipeline_of(context, self.pipeline, self.deployment)
        layout = RunLayout.of(
            self.deployment.root, self.pipeline.name, partition.label, str(context["ti"].id)
        )
        self.log.info("Partition %s: %s to %s", partition.label, partition.start, partition.end)
        objects, part = services(self).objects, self.part
        if part is None:  # the uploads of other slices are no earlier attempt's
            report_unfinished(self, objects, layout)
        else:
            self.log.info("Slice %d of %d: %s", part.number, part.count, part.label)
        run = AskedSource(
            asked=asked,
            day=partition.day,
            objects=objects,
            part=part,
            unloaded=self.unloaded,
        )
        with open_asked(pipeline, run) as source:
            index = extract(pipeline, partition, source, objects, layout)
        keep_plan(self.plan, objects, layout)
        self.log.info("Wrote %d records in %d shards", index.records, len(index.shards))
        return summary(index, layout)


def summary(index: ExtractIndex, layout: RunLayout) -> dict[str, Any]:
    """Return the XCom of an extract."""
    return {
        "partition": index.partition.isoformat(),
        "records": index.records,
        "shards": len(index.shards),
        "index": str(layout.index),
    }


def keep_plan(plan: Mapping[str, Any] | None, objects: ObjectStore, layout: RunLayout) -> None:
    """Copy the run's plan to where the run's objects are; its own attempt has none."""
    if plan:
        objects.put(layout.plan, objects.get(S3Uri.parse(plan["plan"])))


def report_unfinished(task: BaseOperator, objects: ObjectStore, layout: RunLayout) -> None:
    """Name what attempts that were killed left half uploaded; no listing of objects shows it.

    It is not aborted here: another run of the partition may be at it right now. A lifecycle
    rule of the bucket is to remove it; see docs/pipeline.md.
    """
    for uri in objects.unfinished(layout.partition_root):
        task.log.warning("An earlier attempt left an unfinished upload of %s", uri)
