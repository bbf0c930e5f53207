"""Stops the transform job of an attempt that has come to its end before the job.

A person who marks a task, or deletes its run, wants no job. Who clears it does: the next attempt
attaches. Airflow's state of the task tells which it was. What no task can stop, since its process
was killed or Airflow was away, the janitor does.
"""

from __future__ import annotations

import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from airflow.sdk.exceptions import AirflowTaskTimeout

from batch_transform.following.liveness import is_alive
from batch_transform.scoring.errors import Transient
from batch_transform.scoring.jobs.owners import Owner, Stop, give_up
from batch_transform.scoring.jobs.service import TransformJobs

_LOG = logging.getLogger(__name__)

# [triggerer] on_kill_timeout gives the triggerer 30 s; the supervisor gives a worker 5 s.
TRIGGERER_SECONDS = 25.0
WORKER_SECONDS = 4.0
_PAUSE_SECONDS = 0.5


def stop_job(jobs: TransformJobs, name: str, owner: Owner, seconds: float) -> Stop:
    """Give a job up for an owner, again and again while AWS is not to be had.

    Raises:
        Transient: AWS could not be asked in so many seconds; the janitor stops the job.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return give_up(jobs, name, owner)
        except Transient:
            pause = _PAUSE_SECONDS * (0.5 + random.random())  # noqa: S311  # no secret
            if time.monotonic() + pause >= deadline:
                raise
            time.sleep(pause)


def hurriedly(work: Callable[[], object]) -> None:
    """Do something while this worker is killed, from a thread, for as long as there is time.

    The code that was interrupted may hold any lock.
    """
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(WORKER_SECONDS)


class WorkerStop:
    """Stops the job of an attempt from within its own worker.

    Airflow calls ``on_kill`` in a signal handler, while the interrupted code may hold any lock: so
    that only wakes a thread, which asks Airflow and AWS while the interrupted code goes on.
    """

    def __init__(
        self,
        jobs: TransformJobs,
        owner: Owner,
        alive: Callable[[Owner], bool] = is_alive,
    ) -> None:
        """Prepare to stop what this attempt owns, with a client that is not patient."""
        self._jobs = jobs
        self._owner = owner
        self._is_alive = alive
        self._names: list[str] = []
        self._kills: SimpleQueue[bool] = SimpleQueue()  # the one queue that may be put to anywhere
        self._done = threading.Event()
        self._killed = False
        threading.Thread(target=self._wait, name="stop-job", daemon=True).start()

    def expect(self, name: str) -> None:
        """Learn the name of a job that is about to exist.

        Raises:
            InterruptedError: this worker is being killed and must start nothing.
        """
        self.check()
        self._names.append(name)

    def check(self) -> None:
        """Go no further where this worker is being killed, once its job is seen to.

        Raises:
            InterruptedError: it is; the task's retries apply.
        """
        if self._killed:
            self._done.wait(WORKER_SECONDS)
            raise InterruptedError("This worker was asked to end")

    def kill(self) -> None:
        """See to the job: at once where the task's time is up, else as Airflow says."""
        out_of_time = isinstance(sys.exception(), AirflowTaskTimeout)
        self._killed = True
        self._kills.put(out_of_time)
        if out_of_time:  # not in a signal handler, and the process will not wait for the thread
            self._done.wait(WORKER_SECONDS)

    def _wait(self) -> None:
        out_of_time = self._kills.get()
        try:
            if out_of_time or not self._is_alive(self._owner):
                deadline = time.monotonic() + WORKER_SECONDS
                self._stop_until(deadline)
        except Exception:
            _LOG.warning("The job is left to the janitor", exc_info=True)
        finally:
            self._done.set()

    def _stop_until(self, deadline: float) -> None:
        """Stop the last of the jobs, also where the call that creates it is under way."""
        while self._names:
            left = deadline - time.monotonic()
            outcome = stop_job(self._jobs, self._names[-1], self._owner, left)
            is_there = self._jobs.find(self._names[-1]) is not None
            if outcome is not Stop.OVER or is_there or left <= _PAUSE_SECONDS:
                _LOG.warning("Transform job %s: %s", self._names[-1], outcome.value)
                return
            time.sleep(_PAUSE_SECONDS / 5)
