"""The wait task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTransformSensor
from airflow.sdk import Context, PokeReturnValue

from batch_transform.connections import Aws, Connect
from batch_transform.failures import no_retry
from batch_transform.links import JOB_LINKS, show_job
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.end import is_over
from batch_transform.scoring.jobs.look import check_done, partial_failure, see
from batch_transform.scoring.jobs.service import get
from batch_transform.this_run import layout_of_task


class TransformSensor(SageMakerTransformSensor):
    """Lets through only a transform job that Completed with all its outputs, or can be recovered.

    The provider's sensor takes a Stopped job for a success, fails on one throttled call, and counts
    no outputs; ``docs/stock-vs-ours.md`` has the whole list. The task before this one follows the
    job to its end and stops it with itself: this one owns nothing, and only proves.

    Returns, each also as an XCom of its own, ``{"job_name": "…", "output": "s3://…"}``.
    """

    template_fields = (*SageMakerTransformSensor.template_fields, "index")
    operator_extra_links = JOB_LINKS
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        job_name: Any,
        index: Any,
        deployment: Deployment,
        deadline: timedelta,
        connect: Connect = Aws,
        **kwargs: Any,
    ) -> None:
        """Prove the job ``job_name``, which reads what the extract's index at ``index`` lists."""
        super().__init__(
            job_name=job_name,
            aws_conn_id=deployment.aws_conn_id,
            mode="reschedule",
            poke_interval=deployment.poll_seconds,
            timeout=deadline.total_seconds(),
            multiple_outputs=True,
            **kwargs,
        )
        self.index = index
        self.deployment = deployment
        self.deadline = deadline
        self.connect = connect

    @no_retry()
    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Prove the job once it is over."""
        aws = self.connect(self.deployment.aws_conn_id)
        job = get(aws.jobs, self.job_name)
        show_job(self, context, job)
        if not is_over(job):
            self.log.info("%s is %s", job.name, job.status)
            return False
        index = ExtractIndex.from_json(aws.objects.get(layout_of_task(context, self.index).index))
        seen = see(aws, job, index)
        check_done(aws, seen, index, self.deadline)
        if failure := partial_failure(seen):
            self.log.warning(failure)
        self.log.info("%s is %s: %s", job.name, job.status, seen.progress)
        return PokeReturnValue(True, {"job_name": job.name, "output": str(job.output)})
