"""Watches transform jobs from the triggerer, with boto3 in threads: no package is needed for it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import BaseTrigger, TriggerEvent

from batch_transform.connections import Aws, Connect
from batch_transform.following.liveness import is_alive
from batch_transform.following.log_lines import added, marks
from batch_transform.following.stopping import TRIGGERER_SECONDS, stop_job
from batch_transform.following.watch import JobWatch
from batch_transform.scoring.errors import Transient
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.end import is_over
from batch_transform.scoring.jobs.look import Look, Services, Watch, look
from batch_transform.scoring.jobs.owners import Owner, claim
from batch_transform.scoring.jobs.pacing import pause, pause_after_failure
from batch_transform.scoring.jobs.progress import Progress
from batch_transform.scoring.names import S3Uri

PROGRESS = "progress"

# If a task is re-queued before its deferral is reported, the scheduler treats it as killed; never
# resume sooner than this.
_SHORTEST_SECONDS = 10.0
# How long instances work without a word of it before the container's own words are shown; then
# twice as long each time.
_SILENT_SECONDS = 300.0


class _JobTrigger(BaseTrigger):
    """A trigger for an attempt that holds a job, or may hold one.

    A person who marks the deferred task stops the job; who clears it leaves it to the next attempt.
    https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/deferring.html

    Attributes:
        connect: makes the clients of an AWS connection.
    """

    connect: Connect = Aws

    def __init__(self, watch: dict[str, Any]) -> None:
        """Watch as ``JobWatch.as_json`` says."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.watch = JobWatch.from_json(watch)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow keeps in its database."""
        return f"{__name__}.{type(self).__name__}", {"watch": self.watch.as_json()}

    async def on_kill(self) -> None:
        """See to the job of a task that a person has acted on."""
        outcome = await asyncio.to_thread(self._stop)
        self.log.info("Task was ended: transform job %s: %s", self.watch.job_name, outcome)

    def _stop(self) -> str:
        owner = self.watch.owner
        if not self.watch.job_name or is_alive(owner):
            return "left for the next attempt"
        jobs = type(self).connect(self.watch.aws_conn_id).hurried().jobs
        return stop_job(jobs, self.watch.job_name, owner, TRIGGERER_SECONDS).value


class TransformJobTrigger(_JobTrigger):
    """Looks at a transform job until it is over.

    It judges nothing: the task does that when it is woken. Where a look fails it tries again, less
    and less often, for as long as the job may take; throttling and a broken network fail no run.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: why the task should look for itself."""
        begun = time.monotonic()
        try:
            why = await self._until_over()
        except Exception as error:
            self.log.exception("Cannot watch %s", self.watch.job_name)
            why = f"the triggerer cannot watch the job: {error}"
        await asyncio.sleep(max(0.0, begun + _SHORTEST_SECONDS - time.monotonic()))
        yield TriggerEvent({"why": why})  # type: ignore[no-untyped-call]

    async def _until_over(self) -> str:
        give_up_at = time.monotonic() + self.watch.deadline_seconds
        watcher = _Watcher(self.watch, type(self).connect)
        failures = 0
        while True:
            try:
                seen = await asyncio.to_thread(watcher.look)
            except Transient as error:
                failures += 1
                if time.monotonic() > give_up_at:
                    return f"AWS could not be asked: {error}"
                self.log.warning("Will look at %s again: %s", self.watch.job_name, error)
                seconds = pause_after_failure(failures, self.watch.poll_seconds, _chance())
            else:
                failures = 0
                if is_over(seen.job):
                    return f"the job is {seen.job.status}"
                await self._show(watcher, seen)
                await self._show_log(watcher, seen)
                seconds = pause(seen.job.age.total_seconds(), self.watch.poll_seconds, _chance())
            await asyncio.sleep(seconds)

    async def _show(self, watcher: _Watcher, seen: Look) -> None:
        if watcher.is_new(seen.progress):
            self.log.info("%s is %s: %s", seen.job.name, seen.job.status, seen.progress)
            await asyncio.to_thread(publish, self.watch.owner, seen.progress)

    async def _show_log(self, watcher: _Watcher, seen: Look) -> None:
        for line in await asyncio.to_thread(watcher.new_lines, seen):
            self.log.info(line)
        if words := await asyncio.to_thread(watcher.last_words, seen):
            self.log.warning(words)


class StartLaterTrigger(_JobTrigger):
    """Wakes a task that could not get its job; the job may exist all the same."""

    def __init__(self, watch: dict[str, Any], moment: str) -> None:
        """Wake at an ISO moment."""
        super().__init__(watch)
        self.moment = moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow keeps in its database."""
        path, content = super().serialize()
        return path, {**content, "moment": self.moment}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, at the moment."""
        left = datetime.fromisoformat(self.moment) - datetime.now(UTC)
        await asyncio.sleep(max(_SHORTEST_SECONDS, left.total_seconds()))
        yield TriggerEvent({"why": "time to try again"})  # type: ignore[no-untyped-call]


class _Watcher:
    """Looks at one job; connects with the first look, so that failing to is a failed look."""

    def __init__(self, watch: JobWatch, connect: Connect) -> None:
        self._watch = watch
        self._connect = connect
        self._opened: tuple[Services, Watch] | None = None
        self._is_claimed = False
        self._shown: tuple[int, int] | None = None
        self._silent_seconds = _SILENT_SECONDS
        self._marks: list[str] = []

    def look(self) -> Look:
        services, watch = self._opened = self._opened or self._open()
        seen = look(services, watch)
        if not self._is_claimed:
            # An attempt before this one may have taken its tag off the job after ours was put on.
            claim(services.jobs, seen.job, watch.owner)
            self._is_claimed = True
        return seen

    def is_new(self, progress: Progress) -> bool:
        before, self._shown = self._shown, (progress.shards_done, progress.records_done)
        return before != self._shown

    def new_lines(self, seen: Look) -> list[str]:
        """Return what the job has logged since the last look: of each log the last lines."""
        if self._opened is None or not self._watch.follows_log:
            return []
        lines = self._opened[0].logs.tail(seen.job.name).splitlines()
        before, self._marks = self._marks, marks(lines)
        return added(before, lines)

    def last_words(self, seen: Look) -> str | None:
        """Return the end of a job's log where it has given no output for long."""
        started = seen.job.described.get("TransformStartTime")
        seconds = (seen.job.seen_at - started).total_seconds() if started else 0.0
        if self._opened is None or seen.progress.shards_done or seconds < self._silent_seconds:
            return None
        self._silent_seconds = 2 * seconds
        return (
            f"{seen.job.name} has given no output for {seconds / 60:.0f} minutes, which may be"
            f" right. The end of its log:\n{self._opened[0].logs.tail(seen.job.name)}"
        )

    def _open(self) -> tuple[Services, Watch]:
        services = self._connect(self._watch.aws_conn_id)
        body = services.objects.get(S3Uri.parse(self._watch.index))
        return services, Watch(
            job_name=self._watch.job_name,
            index=ExtractIndex.from_json(body),
            owner=self._watch.owner,
            deadline=timedelta(seconds=self._watch.deadline_seconds),
        )


def publish(owner: Owner, progress: Progress) -> None:
    """Put the progress where the UI shows it: the XCom ``progress`` of the task."""
    XCom.set(
        key=PROGRESS,
        value=progress.as_dict(),
        dag_id=owner.dag_id,
        task_id=owner.task_id,
        run_id=owner.run_id,
        map_index=owner.map_index,
    )


def _chance() -> float:
    return random.random()  # noqa: S311  # spreads looks in time; no secret
