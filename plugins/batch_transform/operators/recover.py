"""The recover task."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.following.job_task import HoldsJob, JobTask, Work
from batch_transform.links import JOB_LINKS
from batch_transform.scoring.aws.clock import ticking_from
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.jobs.request_checks import check
from batch_transform.scoring.jobs.service import Job, get
from batch_transform.scoring.jobs.start import JobRequest
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.recovery.rounds import Recovery, RoundJob, recover
from batch_transform.this_run import layout_of_task, pipeline_of

_COVERAGE = "coverage.json"


class RecoverOperator(HoldsJob, BaseOperator):
    """Sends the records again that have no output, down to the single bad one.

    Does nothing where the job left an output for every shard. Otherwise each round is a transform
    job of its own, named by what it is sent: a retry, in whatever round, attaches and comes to the
    same result. The jobs are followed and stopped as that of the task ``transform`` is.

    Returns, each also as an XCom of its own, ``{"coverage": "s3://…", "jobs": ["…"],
    "quarantined": 1}``; ``coverage`` says where the answers lie, and is None where nothing was to
    be done.
    """

    template_fields = ("index", "job_name", "config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # Airflow's own way
    operator_extra_links = JOB_LINKS
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        index: Any,
        job_name: Any,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        **kwargs: Any,
    ) -> None:
        """Recover what the job ``job_name`` left of the extract whose index lies at ``index``."""
        super().__init__(multiple_outputs=True, **kwargs)
        self.index = index
        self.job_name = job_name
        self.config = request.public(request.build(pipeline.settings))
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Walk through the rounds from the first; those that are over are only looked at."""
        aws = services(self)
        task = self.held = JobTask(self, context, aws, self.deployment)
        layout = layout_of_task(context, self.index)
        pipeline = pipeline_of(context, self.pipeline, self.deployment)
        environment = self.render_template(pipeline.settings.transform.environment, context)
        job = get(aws.jobs, self.job_name)
        run = Recovery(
            pipeline=pipeline,
            index=ExtractIndex.from_json(aws.objects.get(layout.index)),
            inputs=layout.input,
            job=job,
            root=layout.attempt_root / "recover" / str(context["ti"].id),
            config=request.for_run(self.config, pipeline.settings, environment),
            since=task.first_try(job.seen_at),
            now=ticking_from(job.seen_at),
        )
        coverage = recover(run, aws, lambda sent: self._launch(task, run, sent))
        if coverage is None:
            self.log.info("Every shard has an output: nothing to recover")
            return {"coverage": None, "jobs": [], "quarantined": 0}
        uri = run.root / _COVERAGE
        aws.objects.put(uri, coverage.to_json())
        for each in coverage.quarantined:
            self.log.warning("Given up: %s", each)
        return {
            "coverage": str(uri),
            "jobs": list(coverage.jobs),
            "quarantined": len(coverage.quarantined),
        }

    def _launch(self, task: JobTask, run: Recovery, sent: RoundJob) -> Job:
        """Return a round's job once it is over."""
        self.log.info("Round %d sends %d objects", sent.number, len(sent.index.shards))
        work = Work(
            index=sent.index,
            index_uri=sent.layout.index,
            request=lambda owner: self._request(run, sent, owner),
            deadline=run.ends - run.now(),
            label=f"round-{sent.number}-",
            is_renewed=False,  # recovery itself goes on from what a round has left
        )
        return task.run(work, run.limits).seen.job

    def _request(self, run: Recovery, sent: RoundJob, owner: Owner) -> JobRequest:
        made = JobRequest(
            pipeline=self.pipeline.name,
            partition=run.index.partition.isoformat(),
            digest=sent.digest,
            request=sent.request,
            output=sent.layout.output,
            instance_types=(run.job.instance_type,),
            owner=owner,
        )
        check(made.to_create(1, 0), len(sent.index.shards))
        return made
