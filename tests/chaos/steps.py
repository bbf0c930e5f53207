"""The plan: which fault strikes where, by seed, at the calls that clean runs have shown."""

import random
from collections import Counter
from dataclasses import dataclass

from tests.chaos.traps import (
    ASKED,
    CRASHED,
    FULL,
    JOB_FAULTS,
    LOCKED,
    MARKED,
    NO_ROOM,
    OF_AWS,
    OF_SQL,
    OF_TASK,
    OF_WORKER,
    UNSEEN,
    Fault,
    Point,
)

# Task, fault and call that would lose most: they come first. The last such call of a task is meant.
WORST = (
    ("transform", MARKED, "CreateTransformJob"),
    ("transform", "killed within", "CreateTransformJob"),
    ("load", "killed after", "DELETE FROM"),
    ("load", "terminated within", "COPY data"),
    ("extract", "answer cut", "COPY ("),
    ("extract", "killed within", "PUT index.json"),
    ("load", "body cut", "GET part-N.csv.gz.out"),
    ("recover", "killed within", "CreateTransformJob"),
    ("transform", "answer lost", "CreateTransformJob"),
    ("transform", "every third throttled", "any call"),
    ("load", "killed within", 'INSERT INTO "predictions"."batch_transform_ledger"'),
    ("build_manifest", "answer lost", "PUT manifest.json"),
    ("load", "frozen within", "COPY data"),
    ("transform", "frozen after", "CreateTransformJob"),
)
_HOLDS_A_JOB = ("transform", "recover")


@dataclass(frozen=True)
class Step:
    """One fault in one run.

    Attributes:
        number: names it, with the seed.
        pipeline: whose run.
        fault: what goes wrong.
    """

    number: int
    pipeline: str
    fault: Fault

    def __str__(self):
        point = self.fault.point
        return (
            f"step {self.number}: {self.pipeline}.{point.task}, {self.fault.kind}"
            f" {point.label!r} ({point.front} {point.number})"
        )


def plan(traces, seed):
    """Return all steps: the worst, then those that differ most from one another, then the rest.

    Args:
        traces: the calls of a clean run, by pipeline.
        seed: shuffles all but the worst.
    """
    possible = {name: list(faults_of(calls)) for name, calls in traces.items()}
    first = [
        (name, fault)
        for kind in WORST
        for name, faults in possible.items()
        if (fault := worst(faults, *kind)) is not None
    ]
    others = [(name, fault) for name, faults in possible.items() for fault in faults]
    random.Random(seed).shuffle(others)
    chosen = list(dict.fromkeys([*first, *_spread(others)]))
    return [Step(number, *each) for number, each in enumerate(chosen, 1)]


def worst(faults, task, kind, call):
    """Return the last fault of a kind at calls of a task that begin so; None without one."""
    found = [
        each
        for each in faults
        if (each.point.task, each.kind) == (task, kind) and each.point.label.startswith(call)
    ]
    return found[-1] if found else None


def _spread(faults):
    """Order faults so that each kind at each task comes once before any comes twice."""
    seen, ranked = Counter(), []
    for name, fault in faults:
        group = (fault.point.task, fault.point.front, fault.kind)
        ranked.append((seen[group], (name, fault)))
        seen[group] += 1
    return [each for _, each in sorted(ranked, key=lambda each: each[0])]


def faults_of(calls):
    """Yield each fault that a call can have."""
    for point in calls:
        yield from (Fault(point, kind) for kind in _kinds_of(point))
    for task in dict.fromkeys(point.task for point in calls if point.front == "aws"):
        yield from (Fault(Point(task, "aws", 3, "any call"), kind) for kind in OF_TASK)
        if "," not in task:
            begins = Point(task, "worker", 0, "first attempt")
            yield from (Fault(begins, kind) for kind in OF_WORKER)


def _kinds_of(point):
    """Yield what can go wrong with a call."""
    for kind in OF_AWS if point.front == "aws" else OF_SQL:
        if kind != "body cut" or point.label.startswith("GET"):
            yield kind
    if point.front == "sql":
        yield FULL if point.label == "connect" else CRASHED
        if point.label not in ("connect", "COPY data"):
            yield NO_ROOM
    if (point.task, point.front, point.number) == ("load", "sql", 1):
        yield LOCKED
    if point.label == "DescribeTransformJob":
        yield UNSEEN
    if point.task in _HOLDS_A_JOB and point.front == "aws":
        yield ASKED
        yield from _OF_JOBS.get((point.task, point.label), ())


_OF_JOBS = {
    ("transform", "CreateTransformJob"): (MARKED, *JOB_FAULTS),
    ("recover", "CreateTransformJob"): (MARKED,),
}
