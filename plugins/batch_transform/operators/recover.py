"""The recover task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context

from batch_transform.following.attempt import Attempt, Watch
from batch_transform.following.follower import Follower
from batch_transform.following.patience import Patience
from batch_transform.following.stopping import WorkerStop
from batch_transform.operators.failures import no_retry
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import Transient
from batch_transform.scoring.jobs.claim import Claimant
from batch_transform.scoring.jobs.look import Services, Watched, leaves_something
from batch_transform.scoring.jobs.memory import Memory, begin
from batch_transform.scoring.jobs.progress import missing_outputs
from batch_transform.scoring.jobs.request_checks import check
from batch_transform.scoring.jobs.service import COMPLETED, Job, get
from batch_transform.scoring.jobs.start import Found, Wanted
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.recovery.rounds import Recovery, RoundJob, recover

_COVERAGE = "coverage.json"


class RecoverOperator(BaseOperator):
    """Sends the records again that have no output, down to the single bad one.

    Does nothing where the job left an output for every shard. Otherwise each round is a transform
    job of its own, named by what it is sent: a retry, in whatever round, attaches and comes to the
    same result. The jobs are followed and stopped as that of the task ``transform`` is.

    Returns, each also as an XCom of its own, ``{"coverage": "s3://…", "jobs": ["…"],
    "quarantined": 1}``; ``coverage`` says where the answers lie, and is None where nothing was to
    be done.
    """

    template_fields = ("index", "job_name")
    ui_color = "#d7e9f7"

    def __init__(
        self,
        *,
        index: Any,
        job_name: Any,
        pipeline: Pipeline,
        deployment: Deployment,
        **kwargs: Any,
    ) -> None:
        """Recover what the job ``job_name`` left of the extract whose index lies at ``index``."""
        super().__init__(multiple_outputs=True, **kwargs)
        self.index = index
        self.job_name = job_name
        self.pipeline = pipeline
        self.deployment = deployment
        self._stopper: WorkerStop | None = None

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Walk through the rounds from the first; those that are over are only looked at."""
        services, watched = self._watch(context, "", self.index).open()
        layout = RunLayout.of_index(self.index)
        run = Recovery(
            pipeline=self.pipeline,
            index=watched.index,
            inputs=layout.input,
            job=get(services.jobs, self.job_name),
            root=layout.attempt_root / "recover" / Attempt.of(context).attempt,
        )
        coverage = recover(run, services, lambda sent: self._launch(context, run, sent))
        if coverage is None:
            self.log.info("Every shard has an output: nothing to recover")
            return {"coverage": None, "jobs": [], "quarantined": 0}
        uri = run.root / _COVERAGE
        services.objects.put(uri, coverage.to_json())
        for each in coverage.quarantined:
            self.log.warning("Given up: %s", each)
        return {
            "coverage": str(uri),
            "jobs": list(coverage.jobs),
            "quarantined": len(coverage.quarantined),
        }

    @no_retry()
    def execute_again(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Try once more to come by a round's job."""
        return self.execute(context)

    @no_retry()
    def execute_complete(self, context: Context, event: dict[str, Any], how: str) -> dict[str, Any]:
        """Go on where a round's job is over."""
        self.log.info("Woken: %s", event["why"])
        return self.execute(context)

    def on_kill(self) -> None:
        """Stop the round's job unless a newer attempt owns it."""
        if self._stopper is not None:
            self._stopper.stop()

    def _launch(self, context: Context, run: Recovery, sent: RoundJob) -> Job:
        """Come by a round's job, and return it once it is over."""
        attempt = Attempt.of(context)
        stopper = self._stopper = WorkerStop(self.deployment.aws_conn_id, attempt.attempt)
        memory = _Drawer(memory=context["task_state_store"], label=f"round-{sent.number}")
        watch = self._watch(context, "", str(sent.layout.index))
        try:
            found = self._begin(watch, run, sent, (memory, stopper))
        except Transient as error:
            patience = Patience(task=self, memory=memory, deferrable=self.deployment.deferrable)
            patience.try_again(self._watch(context, stopper.name, watch.index), error)
        stopper.confirm(found.job.name)
        self.log.info(
            "Round %d, %d objects: transform job %s: %s",
            sent.number,
            len(sent.index.shards),
            found.job.name,
            found.how.value,
        )
        left = run.ends - found.job.created
        follower = Follower(task=self, deferrable=self.deployment.deferrable, stopper=stopper)
        follower.follow(
            self._watch(context, found.job.name, watch.index, left), found.how.value, at_first=True
        )
        return get(watch.open()[0].jobs, found.job.name)

    def _begin(
        self, watch: Watch, run: Recovery, sent: RoundJob, own: tuple[Memory, WorkerStop]
    ) -> Found:
        services, watched = watch.open()
        memory, stopper = own
        wanted = Wanted(
            pipeline=self.pipeline.name,
            partition=run.index.partition.isoformat(),
            digest=sent.digest,
            request=sent.request,
            instance_types=(run.job.instance_type,),
            claimant=Claimant(attempt=watch.by.attempt, run=watch.by.run_id),
        )
        named = {**wanted.request, "TransformJobName": wanted.name(1)}
        check(named, len(sent.index.shards))
        return begin(
            services.jobs,
            memory,
            wanted,
            stands=lambda job: _stands(job, services, watched),
            expect=stopper.expect,
        )

    def _watch(
        self, context: Context, job_name: str, index: str, left: timedelta | None = None
    ) -> Watch:
        deadline = left if left is not None else self.pipeline.settings.limits.deadline
        return Watch(
            job_name=job_name,
            index=index,
            by=Attempt.of(context),
            aws_conn_id=self.deployment.aws_conn_id,
            deadline_seconds=deadline.total_seconds(),
            poll_seconds=self.deployment.poll_seconds,
        )


@dataclass(frozen=True, kw_only=True)
class _Drawer:
    """A part of the task's memory: rounds have jobs of their own."""

    memory: Memory
    label: str

    def get(self, key: str, default: Any = None) -> Any:
        return self.memory.get(f"{self.label}-{key}", default)

    def set(self, key: str, value: Any) -> None:
        self.memory.set(f"{self.label}-{key}", value)


def _stands(job: Job, services: Services, watched: Watched) -> bool:
    """Tell whether a round's job that is over says of every object what became of it."""
    missing = missing_outputs(watched.index, services.objects, job.output)
    if job.status == COMPLETED:
        return not missing
    return leaves_something(services, job, missing, watched.index)
