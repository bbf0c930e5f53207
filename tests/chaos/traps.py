"""Faults, and where they strike: at a call of the attempt that runs now, counted as it is made."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from tests.chaos.model import misbehave

_START_SECONDS = 10.0
_FROZEN_SECONDS = 1.0
_END_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_MOMENTS = ("before", "within", "after")
KILLS = tuple(f"killed {moment}" for moment in _MOMENTS)
# The worker stops, is taken for lost, and goes on while another makes the next attempt.
FREEZES = tuple(f"frozen {moment}" for moment in _MOMENTS)
TERMINATIONS = tuple(f"terminated {moment}" for moment in _MOMENTS)
# The clock of the worker is set while it works, as by a machine that has found the right time.
JUMPS = {"clock jumps back": signal.SIGUSR1, "clock jumps ahead": signal.SIGUSR2}
OF_AWS = (
    *KILLS,
    *FREEZES,
    *JUMPS,
    "refused",
    "throttled",
    "reset",
    "answer lost",
    "body cut",
    "slow",
    "hung",
)
OF_SQL = (*KILLS, *FREEZES, *TERMINATIONS, "answer cut")
ASKED, UNSEEN, LOCKED = "asked to end", "job not seen yet", "table locked"
FULL, CRASHED = "no connection is free", "server crashes"
NO_ROOM = "server's disk is full"
# What is wrong with the worker that makes the first attempt: by how many seconds its clock is, and
# whether its disk is full.
OF_WORKER = {
    "clock a day behind": {"clock": -86_400},
    "clock a day ahead": {"clock": 86_400},
    "worker's disk is full": {"is_full": True},
}
HELD = "held back"
OF_TASK = ("every third throttled",)
MARKED = "killed and marked failed"


@dataclass(frozen=True)
class OfJob:
    """What goes wrong with a job itself.

    Attributes:
        let: makes it go wrong with the next job, through the faults of the local AWS.
        more: how many more jobs there may be.
        fails: whether the run fails, and another run of the day brings it right.
    """

    let: Callable
    more: int
    fails: bool = False


STOPPED = "job is stopped by others"
JOB_FAULTS = {
    "job gets no capacity": OfJob(lambda faults: faults.capacity_error(), 1),
    "job breaks the service": OfJob(lambda faults: faults.internal_server_error(), 1),
    "job's container dies": OfJob(lambda faults: faults.dying_container(1), 4),
    "container hangs": OfJob(lambda _: misbehave("hang", 1), 4),
    "container answers the half": OfJob(lambda _: misbehave("half", 1), 4),
    "job leaves no output": OfJob(lambda faults: faults.no_output(), 1, fails=True),
    STOPPED: OfJob(lambda faults: faults.freeze(), 1, fails=True),
}


@dataclass(frozen=True)
class Point:
    """A call that a task makes: its place among the calls of the first attempt, and what it is."""

    task: str
    front: str
    number: int
    label: str


@dataclass(frozen=True)
class Fault:
    """What happens at a point, once."""

    point: Point
    kind: str


@dataclass
class Trap:
    """Knows the attempt that runs now, counts its calls, and says which of them goes wrong.

    Attributes:
        task: of the attempt.
        pid: its process.
        calls: what was called so far.
        faults: what goes wrong.
        struck: what did.
        struck_at: when the first did, by the monotonic clock.
        gate: what is held back goes on once it is open.
    """

    task: str = ""
    pid: int = 0
    calls: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    struck: list = field(default_factory=list)
    struck_at: float | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    _frozen: list = field(default_factory=list)
    _numbers: dict = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_started: threading.Event = field(default_factory=threading.Event)

    def begin(self, task):
        """An attempt begins: its calls are counted from one, in however many processes it runs."""
        with self._lock:
            self.task, self._numbers = task, {}
            self._is_started.clear()

    def started(self, pid):
        """The attempt runs in this process."""
        self.pid = pid
        self._is_started.set()

    def set(self, *faults):
        """Let these faults strike, each once; forget the calls so far."""
        with self._lock:
            self.faults, self.struck, self.struck_at = list(faults), [], None
            self.calls.clear()

    def calm(self):
        """Let nothing go wrong any more."""
        with self._lock:
            self.faults, self.struck = [], []

    def at(self, front, label):
        """Count a call; return what goes wrong with it, or None."""
        with self._lock:
            number = self._numbers[front] = self._numbers.get(front, 0) + 1
            self.calls.append(Point(self.task, front, number, label))
            for fault in self.faults:
                if self._is_due(fault, front, number):
                    return self._strike(fault)
            return None

    def worker(self):
        """Return what is wrong with the worker of the attempt that begins now."""
        with self._lock:
            for fault in self.faults:
                is_mine = fault.kind in OF_WORKER and fault.point.task == self.task
                if is_mine and fault not in self.struck:
                    self._strike(fault)
                    return OF_WORKER[fault.kind]
            return {}

    def _is_due(self, fault, front, number):
        point = fault.point
        if (point.task, point.front) != (self.task, front):
            return False
        if fault.kind in OF_TASK:
            return number % 3 == 0
        return point.number == number and fault not in self.struck

    def _strike(self, fault):
        self.struck.append(fault)
        self.struck_at = self.struck_at or time.monotonic()
        return "throttled" if fault.kind in OF_TASK else fault.kind

    def kill(self, how=signal.SIGKILL):
        """End the attempt's process: as a lost machine would, or as Airflow does."""
        self._is_started.wait(_START_SECONDS)
        _send(self.pid, how)

    def freeze(self):
        """Stop the attempt's process; it goes on after a while, when it has been taken for lost."""
        self.kill(signal.SIGSTOP)
        thaw = threading.Timer(_FROZEN_SECONDS, _send, (self.pid, signal.SIGCONT))
        self._frozen.append((self.pid, thaw))
        thaw.start()

    def settle(self):
        """Wait until what was frozen has gone on, and has ended."""
        for pid, thaw in self._frozen:
            thaw.join()
            with suppress(psutil.NoSuchProcess):
                _ended(psutil.Process(pid))
        self._frozen.clear()


def _send(pid, how):
    with suppress(ProcessLookupError):
        os.kill(pid, how)


def _ended(process):
    until = time.monotonic() + _END_SECONDS
    while process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            process.kill()
            raise TimeoutError("what was frozen goes on and on")
        time.sleep(_LOOK_SECONDS)
