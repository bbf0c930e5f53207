"""Rounds of runs at once with random faults: in the end tables are as if there had been none."""

import math
import random
import threading
from dataclasses import dataclass, field, replace

from tests.chaos.judge import Verdict, running, seen_now
from tests.chaos.runs import DagRun, RunFailed, sweep
from tests.chaos.steps import faults_of
from tests.chaos.traps import CRASHED, JOB_FAULTS, LOCKED, MARKED
from tests.chaos.world import Day

_PARTITIONS = 30
_MOST_FAULTS = 3
_OF_STEPS = {MARKED, LOCKED, CRASHED, *JOB_FAULTS}  # what is expected of others is another


@dataclass(frozen=True)
class MixedRun:
    """One run of a round.

    Attributes:
        day: what it scores.
        faults: what goes wrong in it.
    """

    day: Day
    faults: tuple = ()

    def __str__(self):
        struck = "; ".join(f"{each.kind} {each.point}" for each in self.faults)
        return f"{self.day.pipeline} of {self.day.label}: {struck or 'no fault'}"


def rounds(traces, seed, runs, lanes):
    """Yield rounds of so many runs in all, as many at once as there are lanes.

    Some runs of a round are of the same partition. Each round's rows are new.
    """
    chance = random.Random(seed)
    faults = {
        name: [each for each in faults_of(calls) if each.kind not in _OF_STEPS]
        for name, calls in traces.items()
    }
    for version in range(1, 1 + math.ceil(runs / lanes)):
        shared = Day(chance.choice(list(traces)), chance.randrange(1, 1 + _PARTITIONS), version)
        yield [_run(chance, shared, faults, version) for _ in range(lanes)]


def _run(chance, shared, faults, version):
    day = shared
    if chance.random() < 0.5:
        day = Day(chance.choice(list(faults)), chance.randrange(1, 1 + _PARTITIONS), version)
    count = chance.randint(0, _MOST_FAULTS)
    return MixedRun(day, tuple(chance.sample(faults[day.pipeline], count)))


@dataclass
class Mixes:
    """Makes rounds, each run through a lane of its own.

    Attributes:
        nurseries: one for each lane.
        clean: how many jobs a run without faults takes, by pipeline.
    """

    nurseries: list
    clean: dict
    said: list = field(default_factory=list)

    @property
    def world(self):
        """Where they run."""
        return self.nurseries[0].lane.world

    def make(self, mixed):
        """Make a round; then once more what failed, without faults; and judge what is left."""
        before = len(self.world.created)
        for each in {each.day for each in mixed}:
            self.world.fill(each)
        failed = self._at_once(mixed)
        again = [replace(each, faults=()) for each in failed]
        verdict = Verdict()
        healthy = [each for each in failed if not each.faults]
        verdict.hold(4, f"what had no fault failed: {self.said[-3:]}" if healthy else "")
        for each in again:
            lost = self._at_once([each])
            verdict.hold(4, f"a run without faults failed: {self.said[-1:]}" if lost else "")
        sweep(self.nurseries[0])
        for day in {each.day for each in mixed}:
            verdict.hold(3, seen_now(self.world, day).problem(day))
            verdict.hold(1, self._paid(self.world.created[before:], day))
            verdict.hold(5, running(self.world, day))
        return verdict

    def shrunk(self, mixed):
        """Leave out what a round that fell fell without, on new rows each time."""
        kept, version = list(mixed), 100_000
        for run in mixed:
            for fault in run.faults:
                version += 1
                fewer = [_without(each, run.day, fault) for each in kept]
                fresh = [replace(each, day=replace(each.day, version=version)) for each in fewer]
                if self.make(fresh).falls:
                    kept = fewer
        return kept

    def _at_once(self, mixed):
        """Make runs at once; return those that failed."""
        failed = []

        def make(nursery, each):
            nursery.lane.trap.set(*each.faults)
            try:
                DagRun(nursery, each.day, frozenset({"report"})).go()
            except RunFailed as error:
                self.said.append(f"{each}: {error}")
                failed.append(each)
            finally:
                nursery.lane.trap.set()

        threads = [
            threading.Thread(target=make, args=pair)
            for pair in zip(self.nurseries, mixed, strict=False)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return failed

    def _paid(self, created, day):
        mine = [name for name in created if name.startswith(f"{day.pipeline}-{day.label}-")]
        allowed = self.clean[day.pipeline]
        return (
            f"{len(mine)} jobs were paid for and not {allowed}: {mine}"
            if len(mine) > allowed
            else ""
        )


def _without(run, day, fault):
    if run.day != day:
        return run
    return replace(run, faults=tuple(each for each in run.faults if each != fault))
