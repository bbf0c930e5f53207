"""The transform task."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator
from airflow.sdk import Context
from typing_extensions import override

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.following.job_task import HoldsJob, JobTask, Work
from batch_transform.lineage import transformed
from batch_transform.links import JOB_LINKS
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.models import resolve
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.jobs.request_checks import check
from batch_transform.scoring.jobs.start import JobRequest
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.this_run import asked_of, layout_of_task, pipeline_of


class TransformOperator(HoldsJob, SageMakerTransformOperator):
    """Starts the transform job of an extract, or attaches to the one that does the same.

    It follows the job to its end, so that the task holds its pool slot for as long as the job
    holds instances, a retry after a failed job starts the next generation, and the job is stopped
    with the task at any moment. The provider's operator starts a second paid job on a retry or
    clear, and stops nothing; ``docs/stock-vs-ours.md`` has the whole list. While the job runs, the
    XCom ``progress`` says how far it is.

    Returns, each also as an XCom of its own, what is known of the job: ``{"job_name": "…",
    "how": "started", "output": "s3://…", "records": 842, "shards": 2, …}``.
    """

    template_fields = (*SageMakerTransformOperator.template_fields, "index")
    operator_extra_links = JOB_LINKS  # type: ignore[assignment]  # the provider's type is its one
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
        """Score the extract whose index lies at the URI ``index``."""
        super().__init__(
            config=request.public(request.build(pipeline.settings)),
            aws_conn_id=deployment.aws_conn_id,
            deferrable=deployment.deferrable,
            check_if_job_exists=False,
            multiple_outputs=True,
            **kwargs,
        )
        self.index = index
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Start the job or attach to it, and follow it to its end."""
        aws = services(self)
        task = self.held = JobTask(self, context, aws, self.deployment)
        layout = layout_of_task(context, self.index)
        index = ExtractIndex.from_json(aws.objects.get(layout.index))
        whole = pipeline_of(context, self.pipeline, self.deployment).settings.limits
        limits = whole.of_share(index.share)
        work = Work(
            index=index,
            index_uri=layout.index,
            request=lambda owner: self._request(context, task, index, owner),
            deadline=limits.deadline,
        )
        done = task.run(work, limits)
        job = done.seen.job
        return {
            "job_name": job.name,
            "job_arn": job.arn,
            "how": done.how,
            "status": job.status,
            "manifest": job.manifest,
            "output": str(job.output),
            "instance_type": job.instance_type,
            "records": index.records,
            "shards": len(index.shards),
        }

    @override
    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Say what the job read and wrote; the provider's own would have it of what it returns."""
        mine = task_instance.map_index
        done = task_instance.xcom_pull(task_ids=self.task_id, map_indexes=mine)
        return transformed(done["manifest"], done["output"])

    def _request(
        self, context: Context, task: JobTask, index: ExtractIndex, owner: Owner
    ) -> JobRequest:
        """Make the request, and check it before it is sent."""
        spec = pipeline_of(context, self.pipeline, self.deployment).settings
        layout = layout_of_task(context, self.index)
        model = resolve(task.aws.models, spec.model, task.memory(""))
        instance_types = spec.transform.kinds
        environment = self.render_template(spec.transform.environment, context)
        wanted = {**request.for_run(self.config, spec, environment), "ModelName": model.name}
        sent = request.fitted(wanted, len(index.shards))
        made = JobRequest(
            pipeline=self.pipeline.name,
            partition=index.partition.isoformat(),
            digest=request.digest(sent, index, model, instance_types),
            request=request.reading(sent, layout.manifest),
            output=layout.output,
            instance_types=instance_types,
            owner=owner,
            force=asked_of(context).force_rerun,
        )
        check(made.to_create(1, 0), len(index.shards), instance_types)
        if model.isolated:
            self.log.info("Model %s has no network: it cannot download anything", model.name)
        return made
