"""The transform task."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator
from airflow.sdk import Context

from batch_transform.connections import sagemaker_models
from batch_transform.following.attempt import Attempt, Watch
from batch_transform.following.follower import Follower
from batch_transform.following.patience import Patience
from batch_transform.following.stopping import WorkerStop
from batch_transform.operators.failures import no_retry
from batch_transform.params import FORCE, is_asked
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import Transient
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.claim import Claimant
from batch_transform.scoring.jobs.look import Watched
from batch_transform.scoring.jobs.memory import begin, keep_watching, watching
from batch_transform.scoring.jobs.models import (
    ModelFacts,
    checked,
    latest_version,
    of_package_group,
)
from batch_transform.scoring.jobs.progress import is_whole
from batch_transform.scoring.jobs.request_checks import check
from batch_transform.scoring.jobs.start import Found, Wanted
from batch_transform.scoring.pipeline import Pipeline

_VERSION = "model_version"


class TransformOperator(SageMakerTransformOperator):
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
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        index: Any,
        places: request.JobPlaces,
        pipeline: Pipeline,
        deployment: Deployment,
        **kwargs: Any,
    ) -> None:
        """Score the extract whose index lies at the URI ``index``; ``places`` may be templates."""
        super().__init__(
            config=request.build(pipeline.settings, places),
            aws_conn_id=deployment.aws_conn_id,
            deferrable=deployment.deferrable,
            check_if_job_exists=False,
            multiple_outputs=True,
            **kwargs,
        )
        self.index = index
        self.pipeline = pipeline
        self.deployment = deployment
        self._stopper: WorkerStop | None = None

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Come by the job, and follow it to its end."""
        attempt = Attempt.of(context).attempt
        memory = context["task_state_store"]
        stopper = self._stopper = WorkerStop(self.deployment.aws_conn_id, attempt)
        kept = watching(memory, attempt)
        if kept is not None:
            return self._follow(context, kept["job_name"], kept["how"])
        try:
            found = self._begin(context, stopper)
        except Transient as error:
            patience = Patience(task=self, memory=memory, deferrable=self.deferrable)
            patience.try_again(self._watch(context, stopper.name), error)
        job_name, how = found.job.name, found.how.value
        stopper.confirm(job_name)
        keep_watching(memory, attempt, job_name, how)
        self.log.info("Transform job %s: %s", job_name, how)
        return self._follow(context, job_name, how, at_first=True)

    @no_retry()
    def execute_again(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Try once more to come by the job."""
        return self.execute(context)

    @no_retry()
    def execute_complete(  # type: ignore[override]  # ours carries more than the provider's
        self, context: Context, event: dict[str, Any], how: str
    ) -> dict[str, Any]:
        """Look for ourselves at what the trigger has seen."""
        self.log.info("Woken: %s", event["why"])
        return self._follow(context, event["job_name"], how)

    def on_kill(self) -> None:
        """Stop the job unless a newer attempt owns it."""
        if self._stopper is not None:
            self._stopper.stop()

    def _begin(self, context: Context, stopper: WorkerStop) -> Found:
        services, watched = self._watch(context, "").open()
        model = self._model(context)
        wanted = self._wanted(context, watched, model)
        named = {**wanted.request, "TransformJobName": wanted.name(1)}
        check(named, len(watched.index.shards), wanted.instance_types)
        if model.isolated:
            self.log.info("Model %s has no network: it cannot download anything", model.name)
        return begin(
            services.jobs,
            context["task_state_store"],
            wanted,
            stands=lambda job: is_whole(job, watched.index, services.objects),
            expect=stopper.expect,
        )

    def _model(self, context: Context) -> ModelFacts:
        """Find the model; all attempts of a run use the version that the first one found."""
        asked, memory = self.pipeline.settings.model, context["task_state_store"]
        models = sagemaker_models(self.deployment.aws_conn_id)
        if asked.name is not None:
            return checked(models, asked.name)
        group, role = str(asked.package_group), str(asked.role)
        version = str(memory.get(_VERSION) or latest_version(models, group))
        memory.set(_VERSION, version)
        self.log.info("Model package version %s", version)
        return of_package_group(models, group, version, role)

    def _wanted(self, context: Context, watched: Watched, model: ModelFacts) -> Wanted:
        attempt = Attempt.of(context)
        asked = {**self.config, "ModelName": model.name}
        return Wanted(
            pipeline=self.pipeline.name,
            partition=watched.index.partition.isoformat(),
            digest=request.digest(self.pipeline, watched.index, model),
            request=request.fitted(asked, len(watched.index.shards)),
            instance_types=self.pipeline.settings.transform.kinds,
            claimant=Claimant(attempt=attempt.attempt, run=attempt.run_id),
            force=is_asked(context, FORCE),
        )

    def _follow(
        self, context: Context, job_name: str, how: str, *, at_first: bool = False
    ) -> dict[str, Any]:
        watch = self._watch(context, job_name)
        stopper = self._stopper = WorkerStop(self.deployment.aws_conn_id, watch.by.attempt)
        stopper.expect(job_name)
        follower = Follower(task=self, deferrable=self.deferrable, stopper=stopper)
        return follower.follow(watch, how, at_first=at_first)

    def _watch(self, context: Context, job_name: str) -> Watch:
        return Watch(
            job_name=job_name,
            index=self.index,
            by=Attempt.of(context),
            aws_conn_id=self.deployment.aws_conn_id,
            deadline_seconds=self.pipeline.settings.limits.deadline.total_seconds(),
            poll_seconds=self.deployment.poll_seconds,
        )
