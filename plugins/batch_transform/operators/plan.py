"""The plan task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import (
    AirflowRescheduleException,
    DownstreamTasksSkipped,
    TaskAwaitingInput,
)

from batch_transform.connections import Aws, AwsServices, Connect, services
from batch_transform.data_events import has_come
from batch_transform.failures import no_retry
from batch_transform.links import REPORT_LINKS
from batch_transform.open_source import AskedSource, open_asked
from batch_transform.open_warehouse import open_warehouse
from batch_transform.pools import check_pool
from batch_transform.scoring.asked import Asked
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import OverCost, SourceLate
from batch_transform.scoring.jobs.pacing import pause_for_data
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.partition import Partition, Resolved
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.planning.draw_up import Known, draw_up
from batch_transform.scoring.planning.effort import usd
from batch_transform.scoring.planning.plan import Plan
from batch_transform.scoring.sources.protocol import Expected, Source
from batch_transform.this_run import asked_of, pipeline_of, resolved

_RUNS = 7  # whose figures say what this one will take
_APPROVE, _REJECT = "Approve", "Reject"


class PlanOperator(BaseOperator):
    """Says what the run will do, and lets it pass; a dry run ends here.

    Returns ``{"partition": "2013-06-01", "plan": "s3://…", "rows": 842, "job_name": "…", "cost":
    0.12}``; ``plan`` is where all of it is kept, and all of it in a dry run, which writes nothing.
    """

    operator_extra_links = REPORT_LINKS
    ui_color = "#f0f0f0"

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        **kwargs: Any,
    ) -> None:
        """Plan runs of a pipeline of this deployment."""
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for the source's data, and plan the run."""
        aws = services(self)
        asked, found = asked_of(context), resolved(context, self.pipeline.settings)
        pipeline = pipeline_of(context, self.pipeline, self.deployment)
        source = self._expected(context, pipeline, found, aws)
        plan = draw_up(self._known(pipeline, asked, found, source), aws)
        self._tell(plan, asked)
        if self.deployment.pools:
            check_pool(context, self.task_id)
        done = {
            "partition": plan.partition,
            "rows": source.rows,
            "job_name": plan.job.name,
            "cost": plan.expected_cost,
        }
        if asked.dry_run:
            self._end(context, {**done, "plan": plan.to_dict()})
        done["plan"] = self._kept(context, plan, aws)
        if plan.is_over_cost:
            self._ask(context, plan, pipeline, done)
        return done

    @no_retry()
    def execute_answered(
        self, context: Context, event: dict[str, Any], done: dict[str, Any]
    ) -> dict[str, Any]:
        """Go on where a person approves of the cost."""
        if "error" in event:
            raise OverCost(f"Nobody has approved of the cost in time ({event['error_type']})")
        if _APPROVE not in event["chosen_options"]:
            raise OverCost("A person has rejected the cost; nothing was started")
        self.log.info("The cost was approved by %s", event["responded_by_user"])
        return done

    def _expected(
        self, context: Context, pipeline: Pipeline, found: Resolved, aws: AwsServices
    ) -> Expected:
        """Ask the source what there is; where it has not come yet, come back later."""
        asked, wait = asked_of(context), pipeline.settings.source.wait
        run = AskedSource(asked=asked, day=found.partition.day, objects=aws.objects)
        waits = wait is not None and not (asked.dry_run or asked.resubmit)
        with open_asked(pipeline, run) as source:
            if waits and not _has_come(source, found.partition, pipeline):
                self._come_back(context, found.partition.label, wait or timedelta())
            return source.expected(found.partition, pipeline)

    def _come_back(self, context: Context, partition: str, wait: timedelta) -> NoReturn:
        now = datetime.now(UTC)
        waited = now - (context["ti"].get_first_reschedule_date(context) or now)
        if waited >= wait:
            raise SourceLate(
                f"The source has nothing for partition {partition} after {waited}, and source.wait"
                f" is {wait}: see what is late, and clear this task when the data have come"
            )
        seconds = pause_for_data(waited.total_seconds(), self.deployment.poll_seconds)
        self.log.info("The source has nothing for %s yet; next look in %.0f s", partition, seconds)
        raise AirflowRescheduleException(now + timedelta(seconds=seconds))  # type: ignore[no-untyped-call]

    def _known(self, pipeline: Pipeline, asked: Asked, found: Resolved, source: Expected) -> Known:
        target, day = pipeline.settings.target, found.partition.day
        with open_warehouse(target) as warehouse:
            in_force = warehouse.in_force(target, day)
            history = warehouse.recent(target, pipeline.name, day, _RUNS)
        return Known(
            pipeline=pipeline,
            asked=asked,
            unpublished=asked.unpublished(self.pipeline.settings),
            resolved=found,
            root=self.deployment.root,
            prices=self.deployment.prices,
            source=source,
            in_force=in_force,
            history=history,
        )

    def _kept(self, context: Context, plan: Plan, aws: AwsServices) -> str:
        root, attempt = self.deployment.root, str(context["ti"].id)
        uri = RunLayout.of(root, plan.pipeline, plan.partition, attempt).plan
        aws.objects.put(uri, plan.to_json())
        return str(uri)

    def _tell(self, plan: Plan, asked: Asked) -> None:
        for line in plan.lines():
            self.log.info(line)
        if asked.dry_run:
            self.log.info("The query:\n%s", plan.query.rstrip())
            self.log.info("The request:\n%s", plan.request_text)

    def _end(self, context: Context, done: dict[str, Any]) -> NoReturn:
        """Skip what is left of the run."""
        context["ti"].xcom_push("return_value", done)
        group = self.task_id.removesuffix("plan")
        left = [task.task_id for task in self.get_flat_relatives(upstream=False)]
        skipped = [task for task in left if task.startswith(group)]
        raise DownstreamTasksSkipped(tasks=skipped)  # type: ignore[no-untyped-call]

    def _ask(
        self, context: Context, plan: Plan, pipeline: Pipeline, done: dict[str, Any]
    ) -> NoReturn:
        """Let a person decide, or fail, as the pipeline says.

        https://airflow.apache.org/docs/apache-airflow/stable/tutorial/hitl.html
        """
        limits = pipeline.settings.limits
        facts = (
            f"The transform jobs of partition {plan.partition} are expected to cost"
            f" {usd(plan.expected_cost or 0)} USD, and may cost {usd(plan.cost_limit or 0)}"
        )
        if limits.over_cost == "fail":
            raise OverCost(
                f"{facts}. Nothing was started; trigger the run with a higher cost_cap, or raise"
                " limits.cost"
            )
        from airflow.sdk.execution_time.hitl import upsert_hitl_detail  # only here, and rarely

        self.log.warning("%s: waiting for a person to approve of it", facts)
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            options=[_APPROVE, _REJECT],
            subject=f"{facts}. Start them?",
            body="\n".join(f"- {line}" for line in plan.lines()),
            params={},  # the API refuses the default
        )
        raise TaskAwaitingInput(
            method_name="execute_answered", kwargs={"done": done}, timeout=limits.deadline
        )


def _has_come(source: Source, partition: Partition, pipeline: Pipeline) -> bool:
    """Tell whether a partition's data have come: by its source, or by an asset's event."""
    asset = pipeline.settings.source.asset
    return has_come(asset, partition) if asset else source.is_there(partition, pipeline)
