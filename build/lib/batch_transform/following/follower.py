"""Follows a transform job to its end from a task: deferred, or looking now and then."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowRescheduleException

from batch_transform.following.attempt import Watch, result
from batch_transform.following.stopping import WorkerStop
from batch_transform.following.trigger import TransformJobTrigger, publish
from batch_transform.scoring.jobs.end import is_over
from batch_transform.scoring.jobs.look import check_done, look
from batch_transform.scoring.jobs.pacing import pause

# Small jobs end while the task still looks, and are spared a second start of a worker.
_AT_FIRST_SECONDS = 8.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Follower:
    """What both the operator and the sensor do once there is a job.

    Attributes:
        task: the task that follows; it has a method ``execute_complete``.
        deferrable: whether the triggerer watches; else the task gives its slot back between looks.
        stopper: knows whether this worker is being killed.
    """

    task: BaseOperator
    deferrable: bool
    stopper: WorkerStop

    def follow(self, watch: Watch, how: str, *, at_first: bool = False) -> dict[str, Any]:
        """Look, for some seconds where it is the first time, and return what is known of the job.

        Raises:
            TaskDeferred: it is not over, and the triggerer watches.
            AirflowRescheduleException: it is not over, and this task will look again.
            ScoringError: it is over, and no success.
            InterruptedError: this worker is being killed.
        """
        services, watched = watch.open()
        until = time.monotonic() + (_AT_FIRST_SECONDS if at_first else 0)
        seen = look(services, watched, datetime.now(UTC))
        while not is_over(seen.job) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            seen = look(services, watched, datetime.now(UTC))
        publish(watch, seen.progress)
        self.task.log.info("%s is %s: %s", seen.job.name, seen.job.status, seen.progress)
        self.stopper.check()
        if not is_over(seen.job):
            self._come_back(watch, how, datetime.now(UTC) - seen.job.created)
        check_done(services, watched, seen)
        return result(seen.job, watched, how)

    def _come_back(self, watch: Watch, how: str, age: timedelta) -> NoReturn:
        if self.deferrable:
            self.task.defer(
                trigger=TransformJobTrigger(watch.as_json()),
                method_name="execute_complete",
                kwargs={"how": how},
            )
        chance = random.random()  # noqa: S311  # spreads looks in time; no secret
        look_again_in(pause(age.total_seconds(), watch.poll_seconds, chance))


def look_again_in(seconds: float) -> NoReturn:
    """Give the worker's slot back, and run this task again later; that uses up no retry.

    Raises:
        AirflowRescheduleException: always.
    """
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    raise AirflowRescheduleException(moment)  # type: ignore[no-untyped-call]
