"""The wait task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTransformSensor
from airflow.sdk import Context

from batch_transform.connections import transform_jobs
from batch_transform.following.attempt import Attempt, Watch
from batch_transform.following.follower import Follower
from batch_transform.following.stopping import WorkerStop
from batch_transform.operators.failures import no_retry
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.jobs.claim import Claimant, claim
from batch_transform.scoring.jobs.memory import keep_watching, watching
from batch_transform.scoring.jobs.service import IN_PROGRESS, get

_HOW = "waited for"


class TransformSensor(SageMakerTransformSensor):
    """Waits for a transform job, and lets through only one that Completed with all its outputs.

    The provider's sensor takes a Stopped job for a success, fails on one throttled call, and leaves
    the job running when it is killed; ``docs/stock-vs-ours.md`` has the whole list. While the job
    runs, the XCom ``progress`` says how far it is.

    Returns, each also as an XCom of its own, what is known of the job: ``{"job_name": "…",
    "output": "s3://…", "records": 842, "shards": 2, …}``.
    """

    template_fields = (*SageMakerTransformSensor.template_fields, "index")
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        job_name: Any,
        index: Any,
        deployment: Deployment,
        deadline: timedelta,
        **kwargs: Any,
    ) -> None:
        """Wait for ``job_name``, which reads what the extract's index at ``index`` lists."""
        super().__init__(
            job_name=job_name,
            aws_conn_id=deployment.aws_conn_id,
            mode="reschedule",
            multiple_outputs=True,
            **kwargs,
        )
        self.index = index
        self.deployment = deployment
        self.deadline = deadline
        self._stopper: WorkerStop | None = None

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Take the job over, and follow it to its end."""
        watch = self._watch(context)
        memory = context["task_state_store"]
        if watching(memory, watch.by.attempt) is None:
            self._take_over(watch)
            keep_watching(memory, watch.by.attempt, self.job_name, _HOW)
        return self._follow(watch)

    @no_retry()
    def execute_complete(self, context: Context, event: dict[str, Any], how: str) -> dict[str, Any]:
        """Look for ourselves at what the trigger has seen."""
        self.log.info("Woken: %s", event["why"])
        return self._follow(self._watch(context))

    def on_kill(self) -> None:
        """Stop the job unless a newer attempt owns it."""
        if self._stopper is not None:
            self._stopper.stop()

    def _follow(self, watch: Watch) -> dict[str, Any]:
        stopper = self._stopper = WorkerStop(self.deployment.aws_conn_id, watch.by.attempt)
        stopper.expect(self.job_name)
        follower = Follower(task=self, deferrable=self.deployment.deferrable, stopper=stopper)
        return follower.follow(watch, _HOW)

    def _take_over(self, watch: Watch) -> None:
        jobs = transform_jobs(self.deployment.aws_conn_id)
        job = get(jobs, self.job_name)
        if job.status == IN_PROGRESS:
            claim(jobs, job, Claimant(attempt=watch.by.attempt, run=watch.by.run_id))

    def _watch(self, context: Context) -> Watch:
        return Watch(
            job_name=self.job_name,
            index=self.index,
            by=Attempt.of(context),
            aws_conn_id=self.deployment.aws_conn_id,
            deadline_seconds=self.deadline.total_seconds(),
            poll_seconds=self.deployment.poll_seconds,
        )
