"""The extract task, or the tasks of its slices and the one that joins them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context, XComArg

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.links import REPORT_LINKS
from batch_transform.operators.extract import (
    ExtractOperator,
    keep_plan,
    report_unfinished,
    summary,
)
from batch_transform.operators.unload import UnloadOperator
from batch_transform.placement import placement
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.this_run import partition_of

# Beside a mapped task in the UI, once it runs: which ids it has.
_LABEL = "{{ task.part.label }}"


class JoinSlicesOperator(BaseOperator):
    """Joins the extracted slices of a partition to what one extract would have left.

    Returns what ``ExtractOperator`` returns, of all slices together, each also as an XCom of its
    own; and where there are several transform jobs ``indexes``, where the index of each lies.
    """

    template_fields = ("indexes", "plan")
    operator_extra_links = REPORT_LINKS
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        indexes: Any,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        plan: Any = None,
        **kwargs: Any,
    ) -> None:
        """Join the slices whose indexes lie at the URIs ``indexes``, and keep the run's plan."""
        super().__init__(multiple_outputs=True, **kwargs)
        self.indexes = indexes
        self.pipeline = pipeline
        self.deployment = deployment
        self.plan = plan
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Copy the shards and write one index."""
        partition = partition_of(context, self.pipeline.settings)
        layout = RunLayout.of(
            self.deployment.root, self.pipeline.name, partition.label, str(context["ti"].id)
        )
        objects = services(self).objects
        report_unfinished(self, objects, layout)
        index = join(self.pipeline, self.indexes, objects, layout)
        keep_plan(self.plan, objects, layout)
        self.log.info("Joined %d records in %d shards", index.records, len(index.shards))
        indexes = [str(each.index) for each in layout.of_jobs(index.jobs)]
        return {**summary(index, layout), **({"indexes": indexes} if index.jobs > 1 else {})}


def extract_tasks(pipeline: Pipeline, deployment: Deployment, plan: XComArg) -> BaseOperator:
    """Make the extract's tasks, and return the one whose XCom ``index`` is of the whole.

    Args:
        pipeline: the pipeline.
        deployment: where it runs.
        plan: what the task before tells of the run's plan.
    """
    work: dict[str, Any] = {"pipeline": pipeline, "deployment": deployment}
    reading = {**work, **placement(pipeline.settings.extract.workers)}
    if pipeline.settings.unloads:
        unload = UnloadOperator(task_id="unload", **work)
        plan >> unload
        reading["unloaded"] = XComArg(unload, "unloaded")
    count = pipeline.settings.extract.count
    if count == 1:
        return ExtractOperator(task_id="extract", plan=plan, **reading)
    extract = ExtractOperator.partial(
        task_id="extract", map_index_template=_LABEL, **reading
    ).expand(slice_number=list(range(count)))
    plan >> extract
    indexes = XComArg(extract, "index")
    return JoinSlicesOperator(task_id="join_slices", indexes=indexes, plan=plan, **work)
