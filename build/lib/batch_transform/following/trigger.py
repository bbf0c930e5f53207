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

from batch_transform.following.attempt import Watch
from batch_transform.following.stopping import stop_from_triggerer
from batch_transform.scoring.errors import Transient
from batch_transform.scoring.jobs.end import is_over
from batch_transform.scoring.jobs.look import Look, Services, Watched, look
from batch_transform.scoring.jobs.pacing import pause, pause_after_failure
from batch_transform.scoring.jobs.progress import Progress

PROGRESS = "progress"

# Airflow takes a task that is back in the queue before the executor has told of its deferral for
# one that was killed: the scheduler compares the two only once in each of its rounds.
_SHORTEST_SECONDS = 10.0


class TransformJobTrigger(BaseTrigger):
    """Looks at a transform job until it is over.

    It judges nothing: the task does that when it is woken. Where a look fails it tries again, less
    and less often, for as long as the job may take; throttling and a broken network fail no run.

    A person who marks or clears the deferred task stops the job, unless a newer attempt owns it.
    https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/deferring.html
    """

    def __init__(self, watch: dict[str, Any]) -> None:
        """Watch as ``Watch.as_json`` says."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.watch = Watch.from_json(watch)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow keeps in its database."""
        return f"{__name__}.{type(self).__name__}", {"watch": self.watch.as_json()}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: why the task should look for itself."""
        begun = time.monotonic()
        try:
            why = await self._until_over()
        except Exception as error:
            self.log.exception("Cannot watch %s", self.watch.job_name)
            why = f"the triggerer cannot watch the job: {error}"
        await asyncio.sleep(max(0.0, begun + _SHORTEST_SECONDS - time.monotonic()))
        event = {"job_name": self.watch.job_name, "why": why}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Stop the job of a task that a person has ended."""
        outcome = await asyncio.to_thread(stop_from_triggerer, self.watch)
        self.log.info("Task was ended: transform job %s: %s", self.watch.job_name, outcome.value)

    async def _until_over(self) -> str:
        give_up = datetime.now(UTC) + timedelta(seconds=self.watch.deadline_seconds)
        eye = _Eye(self.watch)
        failures = 0
        while True:
            try:
                seen = await asyncio.to_thread(eye.look)
            except Transient as error:
                failures += 1
                if datetime.now(UTC) > give_up:
                    return f"AWS could not be asked: {error}"
                self.log.warning("Will look at %s again: %s", self.watch.job_name, error)
                seconds = pause_after_failure(failures, self.watch.poll_seconds, _chance())
            else:
                failures = 0
                if is_over(seen.job):
                    return f"the job is {seen.job.status}"
                await self._show(eye, seen)
                age = (datetime.now(UTC) - seen.job.created).total_seconds()
                seconds = pause(age, self.watch.poll_seconds, _chance())
            await asyncio.sleep(seconds)

    async def _show(self, eye: _Eye, seen: Look) -> None:
        if not eye.is_new(seen.progress):
            return
        self.log.info("%s is %s: %s", seen.job.name, seen.job.status, seen.progress)
        await asyncio.to_thread(publish, self.watch, seen.progress)


class StartLaterTrigger(BaseTrigger):
    """Wakes a task that could not come by its job; the job may exist all the same."""

    def __init__(self, watch: dict[str, Any], moment: str) -> None:
        """Wake at an ISO moment."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.watch = Watch.from_json(watch)
        self.moment = moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow keeps in its database."""
        content = {"watch": self.watch.as_json(), "moment": self.moment}
        return f"{__name__}.{type(self).__name__}", content

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, at the moment."""
        left = datetime.fromisoformat(self.moment) - datetime.now(UTC)
        await asyncio.sleep(max(_SHORTEST_SECONDS, left.total_seconds()))
        yield TriggerEvent({"moment": self.moment})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Stop the job where the call that seemed to fail has started it."""
        await asyncio.to_thread(stop_from_triggerer, self.watch)


class _Eye:
    """Looks at one job; connects with the first look, so that failing to is a failed look."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._opened: tuple[Services, Watched] | None = None
        self._shown: tuple[int, int] | None = None

    def look(self) -> Look:
        if self._opened is None:
            self._opened = self._watch.open()
        return look(*self._opened, datetime.now(UTC))

    def is_new(self, progress: Progress) -> bool:
        before, self._shown = self._shown, (progress.shards_done, progress.records_done)
        return before != self._shown


def publish(watch: Watch, progress: Progress) -> None:
    """Put the progress where the UI shows it: the XCom ``progress`` of the task."""
    by = watch.by
    XCom.set(
        key=PROGRESS,
        value=progress.as_dict(),
        dag_id=by.dag_id,
        task_id=by.task_id,
        run_id=by.run_id,
    )


def _chance() -> float:
    return random.random()  # noqa: S311  # spreads looks in time; no secret
