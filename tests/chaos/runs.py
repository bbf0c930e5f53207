"""Runs of a DAG as Airflow would make them: each task after those before it, with its retries."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.chaos.traps import MARKED

_AGAIN_SECONDS = 0.05
_LONGEST_SECONDS = 120.0
_AT_ONCE = 4  # tries without a pause
JANITOR = "batch_transform_janitor"


def _pause(tries):
    """Return how long to wait after so many tries: Airflow waits minutes, and not all is cured
    before that.
    """
    return 0.0 if tries < _AT_ONCE else 5.0 * 2 ** (tries - _AT_ONCE)


class RunFailed(AssertionError):
    """A run came to no good end; says which task, and its last words."""


class Nursery:
    """Makes attempts in processes of their own, one after the other."""

    def __init__(self, lane):
        self.lane = lane
        self._process = lane.start_nursery()
        folder = lane.world.folder
        described = self._process.stdout.readline()
        if not described:
            raise RuntimeError((folder / "nursery.log").read_text())
        self.dags = json.loads(described)
        self._outcomes = folder / f"outcomes-{self._process.pid}"
        self._outcomes.mkdir()

    @property
    def pid(self):
        """The process from which attempts are forked."""
        return self._process.pid

    def attempt(self, request):
        """Make an attempt; return its outcome, or None where it was killed or frozen."""
        world = self.lane.world
        sent = {
            "states": str(world.states),
            "log": str(world.folder / "attempts.log"),
            "outcomes": str(self._outcomes),
            "environ": self.lane.environ,
            **request,
        }
        print(json.dumps(sent), file=self._process.stdin, flush=True)
        pid = int(self._process.stdout.readline())
        self.lane.trap.started(pid)
        watchdog = threading.Timer(_LONGEST_SECONDS, self.lane.trap.kill)
        watchdog.start()
        try:
            status = int(self._process.stdout.readline())
        finally:
            watchdog.cancel()
        written = self._outcomes / f"{pid}.json"
        return json.loads(written.read_text()) if status == 0 else None

    def close(self):
        """End."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def nursery(lane):
    """Have attempts made meanwhile."""
    made = Nursery(lane)
    try:
        yield made
    finally:
        made.close()


@dataclass
class DagRun:
    """One run of a pipeline for a day.

    Attributes:
        skipped: tasks that are not done: what they do is no part of what is tried.
        attempts: the ids of the attempts at each task.
        done: the tasks that have succeeded.
        marked: tasks that a person marks as a success before they begin.
        meanwhile: is called with the name of each task before it begins.
        said: the last words of attempts that failed.
        is_marked: whether a person has marked the task that runs as failed: no other attempt comes.
    """

    nursery: Nursery
    day: object
    skipped: frozenset = frozenset()
    asked: dict = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: f"manual__{uuid.uuid4()}")
    left: dict = field(default_factory=dict)
    attempts: dict = field(default_factory=dict)
    done: set = field(default_factory=set)
    marked: frozenset = frozenset()
    meanwhile: Callable = lambda _: None
    said: list = field(default_factory=list)
    is_marked: bool = False

    def go(self):
        """Do every task.

        Raises:
            RunFailed: a task failed for good.
        """
        self._go(self._tasks)

    def clear(self, name, *, with_later):
        """Do a task again, and perhaps all that follow it.

        Raises:
            RunFailed: a task failed for good.
        """
        cleared = {name}
        for task in self._tasks:
            if with_later and cleared.intersection(task["after"]):
                cleared.add(task["task"])
        self.done -= cleared
        self._go([task for task in self._tasks if task["task"] in cleared])

    @property
    def _tasks(self):
        return self.nursery.dags[self.day.pipeline]

    def _go(self, tasks):
        self._know(tasks)
        try:
            for task in tasks:
                self.meanwhile(task["task"])
                self._do(task)
        finally:
            self._know([])
            self.nursery.lane.trap.settle()

    def _do(self, task):
        name = task["task"]
        self.left[name] = None
        if name in self.marked:
            self.done.add(name)
        elif self._is_due(task):
            self.left[name] = self._task(task)
            self.done |= {name} if self.left[name] is not None else set()

    def _is_due(self, task):
        if task["task"] in self.skipped:
            return False
        return task["rule"] == "none_failed" or self.done.issuperset(
            set(task["after"]) - self.skipped
        )

    def _task(self, task):
        name, until = task["task"], time.monotonic() + _LONGEST_SECONDS
        last = len(self.attempts.get(name, ())) + task["retries"] + 1
        while len(self.attempts.get(name, ())) < last:
            outcome = self._attempt(name, last - 1)
            self.is_marked = self.is_marked or any(
                fault.kind == MARKED for fault in self.nursery.lane.trap.struck
            )
            if self.is_marked or time.monotonic() > until:
                break
            if outcome is None:
                continue  # killed
            if outcome["how"] in ("success", "skipped"):
                return outcome.get("value") or ({} if outcome["how"] == "success" else None)
            self.said.append(f"{name}: {outcome['why']}")
            if outcome["how"] == "failed":
                break
            time.sleep(_pause(len(self.attempts[name])))
        tries = len(self.attempts[name])
        raise RunFailed(f"{name} failed after {tries} attempts: {self.said[-1:]}")

    def _attempt(self, name, max_tries):
        """Make an attempt, in as many processes as it wants."""
        trap = self.nursery.lane.trap
        trap.begin(name)
        request = self._request(name, max_tries)
        self.attempts.setdefault(name, []).append(request["id"])
        until = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < until:
            outcome = self.nursery.attempt(request)
            if outcome is None or outcome["how"] not in ("again", "deferred"):
                return outcome
            if outcome["how"] == "deferred":
                event = self._waited(name, request, outcome["wait"])
                if event is None:
                    return None
                request = {**request, "woken": {"method": outcome["method"], "event": event}}
                trap.begin(f"{name}, woken")
            time.sleep(_AGAIN_SECONDS)
        return {"how": "failed", "why": f"{name} comes again and again"}

    def _waited(self, name, request, wait):
        """Be the triggerer, which is started again where it is killed; None: the task is over."""
        self.nursery.lane.trap.begin(f"{name}, waiting")
        until = time.monotonic() + _LONGEST_SECONDS
        while not self.is_marked and time.monotonic() < until:
            outcome = self.nursery.attempt({**request, "wait": wait})
            if outcome is not None and outcome["how"] == "fired":
                return outcome["event"]
        return None

    def _request(self, name, max_tries):
        return {
            "dag": self.day.pipeline,
            "task": name,
            "run": self.run_id,
            "conf": {"partition": self.day.label, **self.asked},
            "left": self.left,
            "try": len(self.attempts.get(name, ())) + 1,
            "max": max_tries,
            **self.nursery.lane.trap.worker(),
            "id": str(uuid.uuid4()),
            "memory": str(self.nursery.lane.world.folder / f"memory-{self.run_id}-{name}.json"),
        }

    def _know(self, tasks):
        """Let Airflow know the run while it goes on."""
        states = {task["task"]: "running" for task in tasks}
        self.nursery.lane.world.know(self.run_id, states)


def sweep(nursery):
    """Let the janitor look after the jobs once."""
    nursery.lane.trap.begin("janitor")
    request = {
        "dag": JANITOR,
        "task": "stop_orphans",
        "run": "sweep",
        "conf": {},
        "left": {},
        "try": 1,
        "max": 0,
        "id": str(uuid.uuid4()),
        "memory": str(nursery.lane.world.folder / "memory-janitor.json"),
    }
    return nursery.attempt(request)
