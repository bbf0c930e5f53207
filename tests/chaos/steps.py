"""The plan: which fault strikes where, by seed, at the calls that clean runs have shown."""

import random
from collections import Counter
from dataclasses import dataclass

from tests.chaos.traps import MARKED, OF_AWS, OF_SQL, OF_TASK, Fault, Point

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
    """Return all steps, those that differ most from one another first.

    Args:
        traces: the calls of a clean run, by pipeline.
        seed: shuffles.
    """
    faults = [(name, fault) for name, calls in traces.items() for fault in faults_of(calls)]
    random.Random(seed).shuffle(faults)
    seen, ranked = Counter(), []
    for name, fault in faults:
        group = (fault.point.task, fault.point.front, fault.kind)
        ranked.append((seen[group], name, fault))
        seen[group] += 1
    ranked.sort(key=lambda each: each[0])
    return [Step(number, name, fault) for number, (_, name, fault) in enumerate(ranked, 1)]


def faults_of(calls):
    """Yield each fault that a call can have."""
    for point in calls:
        for kind in OF_AWS if point.front == "aws" else OF_SQL:
            if kind != "body cut" or point.label.startswith("GET"):
                yield Fault(point, kind)
        if point.task in _HOLDS_A_JOB and point.label == "CreateTransformJob":
            yield Fault(point, MARKED)
    for task in dict.fromkeys(point.task for point in calls if point.front == "aws"):
        yield from (Fault(Point(task, "aws", 3, "any call"), kind) for kind in OF_TASK)
