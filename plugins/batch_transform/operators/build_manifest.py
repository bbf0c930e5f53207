"""The build_manifest task."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.links import REPORT_LINKS
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.this_run import layout_of_task


class BuildManifestOperator(BaseOperator):
    """Heads every shard of an extract and writes the ManifestFile that lists them.

    Skips itself, and with it the transform job, where the partition has no records.

    Returns, each also as an XCom of its own, where the transform job reads and where it writes:
    ``{"manifest": "s3://…", "output": "s3://…"}``.
    """

    template_fields = ("index",)
    operator_extra_links = REPORT_LINKS
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        index: Any,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        **kwargs: Any,
    ) -> None:
        """List the shards of the extract whose index lies at the URI ``index``."""
        super().__init__(multiple_outputs=True, **kwargs)
        self.index = index
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> dict[str, str]:
        """Check the shards and write the manifest."""
        objects = services(self).objects
        layout = layout_of_task(context, self.index)
        index = ExtractIndex.from_json(objects.get(layout.index))
        if not index.shards:
            self.log.info(
                "Partition %s has no records: no transform job is needed", index.partition
            )
            raise AirflowSkipException
        uri = manifest.write(index, layout, objects)
        self.log.info("Listed %d shards in %s", len(index.shards), uri)
        return {
            "manifest": str(uri),
            "output": str(layout.output),
        }
