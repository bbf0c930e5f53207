"""Waits where SageMaker does not take a job yet, without using up the task's retries."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from airflow.sdk import BaseOperator

from batch_transform.following.attempt import Watch
from batch_transform.following.follower import look_again_in
from batch_transform.following.trigger import StartLaterTrigger
from batch_transform.scoring.errors import Transient
from batch_transform.scoring.jobs.memory import Memory
from batch_transform.scoring.jobs.pacing import pause_after_failure

_REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How a task waits for its turn.

    Attributes:
        task: the task that waits; it has a method ``execute_again``.
        memory: of the task in this run.
        deferrable: whether it waits in the triggerer.
    """

    task: BaseOperator
    memory: Memory
    deferrable: bool

    def try_again(self, watch: Watch, error: Transient) -> NoReturn:
        """Let the task run again later; the deadline bounds this wait like that for the job.

        Raises:
            TaskDeferred: the task waits in the triggerer.
            AirflowRescheduleException: the task is scheduled again.
            Transient: the time is up.
        """
        now = datetime.now(UTC)
        refused = self.memory.get(_REFUSED)
        if refused is None or refused["attempt"] != watch.by.attempt:
            refused = {"attempt": watch.by.attempt, "since": now.isoformat(), "times": 0}
        waited = now - datetime.fromisoformat(refused["since"])
        if waited > timedelta(seconds=watch.deadline_seconds):
            raise error
        times = refused["times"] + 1
        self.memory.set(_REFUSED, {**refused, "times": times})
        seconds = pause_after_failure(times, watch.poll_seconds, random.random())  # noqa: S311
        self.task.log.warning("Will try again in %.0f s: %s", seconds, error)
        if self.deferrable:
            self.task.defer(
                trigger=StartLaterTrigger(
                    watch.as_json(), (now + timedelta(seconds=seconds)).isoformat()
                ),
                method_name="execute_again",
            )
        look_again_in(seconds)
