"""What the tasks do that hold a transform job: get it, follow it to its end, stop it with the task.

A task lets go of its worker while the job runs: it defers to the triggerer, or is scheduled again.
Each time it comes back it begins anew, and finds in the task's memory which job it holds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowRescheduleException

from batch_transform.connections import AwsServices
from batch_transform.failures import no_retry
from batch_transform.following.log_lines import added, marks
from batch_transform.following.stopping import WorkerStop
from batch_transform.following.trigger import StartLaterTrigger, TransformJobTrigger, publish
from batch_transform.following.watch import JobWatch, chain_of, owner_of
from batch_transform.links import show_job
from batch_transform.pools import check_pool
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import Transient
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.attempt import Attempt
from batch_transform.scoring.jobs.end import is_over
from batch_transform.scoring.jobs.look import Look, Watch, check_done, look, partial_failure
from batch_transform.scoring.jobs.memory import JobMemory
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.jobs.pacing import pause, pause_after_failure
from batch_transform.scoring.jobs.start import JobRequest
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Limits

# Small jobs end while the task still looks, and are spared a second start of a worker.
_AT_FIRST_SECONDS = 8.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a task needs a job for.

    Attributes:
        index: of what the job is to be sent.
        index_uri: where it lies.
        request: makes the job's request, once an attempt needs it.
        deadline: how long the job may take from its creation.
        label: tells the jobs of one task apart; empty where it has one.
        is_renewed: whether who clears the task wants another job in place of a Failed one.
    """

    index: ExtractIndex
    index_uri: S3Uri
    request: Callable[[Owner], JobRequest]
    deadline: timedelta
    label: str = ""
    is_renewed: bool = True


@dataclass(frozen=True, kw_only=True)
class Done:
    """A job that is over, as it was last seen, and how the attempt got it."""

    seen: Look
    how: str


class JobTask:
    """One attempt at a task that holds jobs, one after the other."""

    def __init__(
        self,
        operator: BaseOperator,
        context: Context,
        aws: AwsServices,
        deployment: Deployment,
    ) -> None:
        """Hold jobs for an operator that is a ``HoldsJob``."""
        self._operator = operator
        self._context = context
        self.aws = aws
        self._deployment = deployment
        self.owner = owner_of(context, deployment.root)
        self.stopper = WorkerStop(aws.hurried().jobs, self.owner)

    def first_try(self, now: datetime) -> datetime | None:
        """Return when the first try was after a person has cleared the task; None: none has."""
        chain = chain_of(self._context)
        return self.memory("").since(now) if chain.cleared else None

    def memory(self, label: str) -> JobMemory:
        """Return what attempts have left about the job of a label."""
        store = self._context["task_state_store"]
        return JobMemory(memory=store, chain=chain_of(self._context), label=label)

    def run(self, work: Work, limits: Limits) -> Done:
        """Return the job of a piece of work once it is over, and a success or recoverable.

        Raises:
            TaskDeferred: it is not over, or could not be started, and the triggerer waits.
            AirflowRescheduleException: the same, and this task will look again.
            ScoringError: there is no such job, or it is over and no success.
            InterruptedError: this worker is being killed.
        """
        memory = self.memory(work.label)
        held = memory.held()
        begins = held is None
        if held is None:
            held = self._begin(work, memory, limits)
        self.stopper.expect(held["job_name"])
        seen = self._follow(work, held["job_name"], at_first=begins)
        check_done(self.aws, seen, work.index, work.deadline)
        if failure := partial_failure(seen):
            self._operator.log.warning(failure)
        if work.is_renewed:
            memory.conclude(seen.job.name)
        return Done(seen=seen, how=held["how"])

    def _begin(self, work: Work, memory: JobMemory, limits: Limits) -> dict[str, str]:
        """Start the job or attach to it; where AWS does not take it yet, come back later."""
        if self._deployment.pools:
            check_pool(self._context, self._operator.task_id)
        try:
            attempt = Attempt(
                services=self.aws,
                memory=memory,
                index=work.index,
                limits=limits,
                request=work.request(self.owner),
                expect=self.stopper.expect,
            )
            held = attempt.begin()
        except Transient as error:
            self._try_again(work, memory, error)
        self.stopper.check()
        memory.hold(held.job.name, held.how.value)
        self._operator.log.info("Transform job %s: %s", held.job.name, held.how.value)
        return {"job_name": held.job.name, "how": held.how.value}

    def _try_again(self, work: Work, memory: JobMemory, error: Transient) -> NoReturn:
        """Let the task run again later; the deadline bounds this wait like that for the job."""
        now = datetime.now(UTC)
        times, since = memory.refused(now)
        if now - since > work.deadline:
            raise error
        seconds = pause_after_failure(times, self._deployment.poll_seconds, _chance())
        self._operator.log.warning("Will try again in %.0f s: %s", seconds, error)
        if self._deployment.deferrable:
            moment = (now + timedelta(seconds=seconds)).isoformat()
            watch = self._watch(work, next(iter(reversed(memory.tried())), ""))
            self._operator.defer(
                trigger=StartLaterTrigger(watch.as_json(), moment), method_name="execute_again"
            )
        _come_back_in(seconds)

    def _follow(self, work: Work, job_name: str, *, at_first: bool) -> Look:
        """Look until the job is over, for some seconds where it is the first time."""
        watch = Watch(job_name=job_name, index=work.index, owner=self.owner, deadline=work.deadline)
        until = time.monotonic() + (_AT_FIRST_SECONDS if at_first else 0)
        seen = look(self.aws, watch)
        show_job(self._operator, self._context, seen.job)
        while not is_over(seen.job) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            self.stopper.check()
            seen = look(self.aws, watch)
        publish(self.owner, seen.progress)
        self._operator.log.info("%s is %s: %s", job_name, seen.job.status, seen.progress)
        self.stopper.check()
        if not is_over(seen.job):
            self._leave(work, seen)
        return seen

    def _leave(self, work: Work, seen: Look) -> NoReturn:
        if self._deployment.deferrable:
            trigger = TransformJobTrigger(self._watch(work, seen.job.name).as_json())
            self._operator.defer(trigger=trigger, method_name="execute_again")
        if self._deployment.follow_logs:
            self._show_log(self.memory(work.label), seen.job.name)
        age = seen.job.age.total_seconds()
        _come_back_in(pause(age, self._deployment.poll_seconds, _chance()))

    def _show_log(self, memory: JobMemory, job_name: str) -> None:
        """Show what the job has logged since this attempt has looked before."""
        lines = self.aws.logs.tail(job_name).splitlines()
        for line in added(memory.shown(job_name), lines):
            self._operator.log.info(line)
        memory.show(job_name, marks(lines))

    def _watch(self, work: Work, job_name: str) -> JobWatch:
        return JobWatch(
            job_name=job_name,
            index=str(work.index_uri),
            owner=self.owner,
            aws_conn_id=self._deployment.aws_conn_id,
            deadline_seconds=work.deadline.total_seconds(),
            poll_seconds=self._deployment.poll_seconds,
            follows_log=self._deployment.follow_logs,
        )


class HoldsJob:
    """What Airflow calls on an operator whose task holds a job.

    Attributes:
        held: what ``execute`` has begun.
    """

    held: JobTask | None = None

    def execute(self, context: Context) -> Any:
        """Begin, or go on, as often as the task comes back."""
        raise NotImplementedError

    @no_retry()
    def execute_again(self, context: Context, event: dict[str, Any]) -> Any:
        """Look for ourselves at what the trigger has seen."""
        self.log.info("Woken: %s", event["why"])  # type: ignore[attr-defined]  # an operator's
        return self.execute(context)

    def on_kill(self) -> None:
        """Stop the job where nobody else wants it, and this task will not run again."""
        if self.held is not None:
            self.held.stopper.kill()


def _come_back_in(seconds: float) -> NoReturn:
    """Give the worker's slot back, and run this task again later; that uses up no retry."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    raise AirflowRescheduleException(moment)  # type: ignore[no-untyped-call]


def _chance() -> float:
    return random.random()  # noqa: S311  # spreads looks in time; no secret
