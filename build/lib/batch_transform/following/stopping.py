"""Stops the transform job of an attempt that a person or a timeout has ended.

A cleared task is ended too, but its next attempt attaches to the job: so the end of an attempt
waits a little for an heir, and stops the job only where none comes. An heir that comes later still
finds the job's name, and starts the next generation.
"""

from __future__ import annotations

import time

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from batch_transform.connections import transform_jobs
from batch_transform.following.attempt import Attempt, Watch
from batch_transform.scoring.jobs.claim import Stop, stop_if_owned
from batch_transform.scoring.jobs.service import TransformJobs

# [triggerer] on_kill_timeout gives the triggerer 30 s; the supervisor gives a worker 5 s.
_HEIR_SECONDS = 20.0
_WORKER_SECONDS = 3.0
_LOOK_SECONDS = 0.5
_OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}


class WorkerStop:
    """Stops the job of an attempt from within its own worker.

    It runs in a signal handler, while the interrupted code may hold any lock: so it asks nothing
    of Airflow, and has a client of its own that is made beforehand.
    """

    def __init__(self, aws_conn_id: str, attempt: str) -> None:
        """Prepare to stop what this attempt owns."""
        self._jobs = transform_jobs(aws_conn_id, hurried=True)
        self._attempt = attempt
        self.name = ""
        self.killed = False

    def expect(self, name: str) -> None:
        """Learn the name of a job that is about to exist.

        Raises:
            InterruptedError: this worker is being killed and must start nothing.
        """
        self.check()
        self.name = name

    def confirm(self, name: str) -> None:
        """Learn that there is a job now; one that was started while this worker was killed goes.

        Raises:
            InterruptedError: this worker is being killed.
        """
        self.name = name
        if self.killed:
            self.stop()
        self.check()

    def check(self) -> None:
        """Go no further where this worker is being killed.

        Raises:
            InterruptedError: it is; the task's retries apply.
        """
        if self.killed:
            raise InterruptedError("This worker was asked to end, and has stopped its job")

    def stop(self) -> Stop:
        """Stop the job, also where the call that creates it is under way."""
        self.killed = True
        if not self.name:
            return Stop.OVER
        deadline = time.monotonic() + _WORKER_SECONDS
        outcome = Stop.OVER
        while outcome is Stop.OVER and time.monotonic() < deadline:
            outcome = stop_if_owned(
                self._jobs,
                self.name,
                self._attempt,
                wait_for_heir=lambda: _pause_until(deadline),
            )
            if outcome is Stop.OVER and self._jobs.find(self.name) is not None:
                break
        return outcome


def stop_from_triggerer(watch: Watch) -> Stop:
    """Stop a deferred attempt's job, unless the attempt is followed by one that takes it over."""
    if not watch.job_name:
        return Stop.OVER
    deadline = time.monotonic() + _HEIR_SECONDS

    def wait_for_heir() -> bool:
        return may_be_followed(watch.by) and _pause_until(deadline)

    jobs: TransformJobs = transform_jobs(watch.aws_conn_id, hurried=True)
    return stop_if_owned(jobs, watch.job_name, watch.by.attempt, wait_for_heir=wait_for_heir)


def may_be_followed(by: Attempt) -> bool:
    """Ask Airflow whether the task will run again; not where it was marked or is gone."""
    states = RuntimeTaskInstance.get_task_states(
        dag_id=by.dag_id, task_ids=[by.task_id], run_ids=[by.run_id]
    )
    run = states.get(by.run_id, {})
    return by.task_id in run and run[by.task_id] not in _OVER


def _pause_until(deadline: float) -> bool:
    if time.monotonic() >= deadline:
        return False
    time.sleep(_LOOK_SECONDS)
    return True
