"""``make chaos``: break everything by a plan, print what held, and fail where something did not."""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path

from local.postgres import start_postgres
from local.processes import Processes
from tests.chaos.mixes import Mixes, rounds
from tests.chaos.runs import nursery
from tests.chaos.shared import share
from tests.chaos.steps import plan
from tests.chaos.trials import Trials
from tests.chaos.world import PIPELINES, Lane, a_world

_STEPS = 320
_MIXES = 100
_LANES = 3


@contextmanager
def trials():
    """Start everything."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        processes = Processes(Path(folder))
        try:
            postgres = start_postgres(processes)
            postgres.create_database("chaos")
            with (
                a_world(postgres, "chaos") as world,
                Lane(world, 0).open() as lane,
                nursery(lane) as made,
            ):
                yield Trials(made)
        finally:
            processes.stop()


def table(tried):
    """Lay out what was tried, a line for each kind of fault."""
    groups = defaultdict(list)
    for each in tried:
        groups[each.step.fault.kind].append(each)
    yield f"{'fault':28}{'times':>6}{'judged':>8}{'falls':>7}{'worst recovery':>16}"
    for kind, some in sorted(groups.items()):
        judged = sum(each.verdict.judged for each in some)
        falls = sum(bool(each.verdict.falls) for each in some)
        worst = max((each.seconds for each in some if each.seconds), default=0.0)
        yield f"{kind:28}{len(some):6}{judged:8}{falls:7}{worst:14.1f} s"


def steps(trials, traces, asked, until):
    """Make the steps of the plan that are asked for; tell whether all held."""
    planned, tried = plan(traces, asked.seed), []
    print(f"{len(planned)} faults are possible; seed {asked.seed}", flush=True)
    chosen = [planned[asked.step - 1]] if asked.step else planned[: asked.steps]
    for step in chosen:
        if time.monotonic() > until:
            break
        tried.append(trials.make(step))
        for fall in tried[-1].verdict.falls:
            print(f"FALL {step}\n     {fall}", flush=True)
    print("\n".join(table(tried)))
    missed = [each for each in tried if each.seconds is None]
    print(f"{len(tried)} faults; {len(missed)} did not strike", *(each.step for each in missed))
    return not any(each.verdict.falls for each in tried)


def shared(trials, nurseries, asked):
    """Let two runs share a job; count the times that did not hold."""
    falls = 0
    for name in asked.pipelines:
        if found := share(nurseries, trials.next_day(name), trials.clean[name]).falls:
            falls += 1
            print(f"FALL two runs of {name} on one job", *found, sep="\n     ", flush=True)
    print(f"{len(asked.pipelines)} jobs of two runs, one of which was marked failed: {falls} fell")
    return falls


def mixes(trials, traces, asked, until):
    """Make rounds of runs at once; tell whether all held."""
    world, falls, count = trials.world, 0, 0
    with ExitStack() as stack:
        lanes = [stack.enter_context(Lane(world, number).open()) for number in range(1, _LANES)]
        more = [stack.enter_context(nursery(lane)) for lane in lanes]
        made = Mixes([trials.nursery, *more], trials.clean)
        falls += shared(trials, made.nurseries[:2], asked)
        for mixed in rounds(traces, asked.seed, asked.mixes, _LANES):
            if time.monotonic() > until:
                break
            count += len(mixed)
            if found := made.make(mixed).falls:
                falls += 1
                print("FALL of a round", *found, *mixed, sep="\n     ", flush=True)
                print("It also falls as", *made.shrunk(mixed), sep="\n     ", flush=True)
        print(f"{count} runs, {_LANES} at once: {falls} rounds fell; {len(made.said)} runs failed")
    return not falls


def main():
    """Run the plan, or one step of it."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step", type=int, help="only this step")
    parser.add_argument("--steps", type=int, default=_STEPS)
    parser.add_argument("--mixes", type=int, default=_MIXES)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--pipelines", nargs="+", default=list(PIPELINES))
    asked = parser.parse_args()
    begun = time.monotonic()
    until = begun + asked.minutes * 60
    with trials() as made:
        traces = made.trace(asked.pipelines)
        held = [steps(made, traces, asked, until)]
        if not asked.step:
            held.append(mixes(made, traces, asked, until))
    print(f"{time.monotonic() - begun:.0f} s")
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
