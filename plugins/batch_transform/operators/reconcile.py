"""The tasks that prove groups of shards, before one publishes them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.links import JOB_LINKS, show_job
from batch_transform.operators.answered import run_of
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.publish.groups import prove_group
from batch_transform.this_run import asked_of


class ReconcileOperator(BaseOperator):
    """Proves the outputs of one group of shards, and leaves its rows as files.

    Returns, each also as an XCom of its own,
    ``{"proven": "s3://…/rows/group-003.json", "rows": 842, "unfit": 0}``.
    """

    template_fields = ("index", "job_name", "coverage")
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
        group: int,
        connect: Connect = Aws,
        **kwargs: Any,
    ) -> None:
        """Prove the outputs that ``LoadOperator`` would, those of a group, counted from 0."""
        super().__init__(multiple_outputs=True, **kwargs)
        self.index = index
        self.job_name = job_name
        self.coverage = coverage
        self.pipeline = pipeline
        self.deployment = deployment
        self.group = group
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Read the outputs, prove them complete, and leave files and an account."""
        if asked_of(context).dry_run:
            raise AirflowSkipException("The run was only to be planned")
        objects, layout = services(self).objects, RunLayout.of_index(self.index)
        groups, name = self.pipeline.settings.load.groups, f"group-{self.group:03d}"
        run = run_of(self, context)
        if run.job is not None:
            show_job(self, context, run.job)
        proven = prove_group(run, (self.group, groups), objects, layout.rows / name)
        account = layout.rows / f"{name}.json"
        objects.put(account, proven.to_json())
        self.log.info(
            "Proved %d parts: %d rows in %d files, %d records without a fit prediction",
            *(proven.parts, proven.rows, len(proven.files), len(proven.unfit)),
        )
        return {"proven": str(account), "rows": proven.rows, "unfit": len(proven.unfit)}
