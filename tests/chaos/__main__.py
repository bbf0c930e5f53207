"""``make chaos``: break everything by a plan, print what held, and fail where something did not."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path

from local.postgres import start_postgres
from local.processes import Processes
from tests.chaos.mixes import Mixes, rounds
from tests.chaos.people import People, acts
from tests.chaos.runs import nursery
from tests.chaos.shared import share, take_turns
from tests.chaos.steps import plan
from tests.chaos.trials import Trials
from tests.chaos.world import PIPELINES, Lane, a_world

_STEPS = 320
_ACTS = 96
_MIXES = 100
_LANES = 3
_EVERY = 40  # faults, between two signs of life


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
    wanted = [each for each in planned if asked.only in each.fault.kind]
    chosen = [planned[asked.step - 1]] if asked.step else wanted[: asked.steps]
    for step in chosen:
        if time.monotonic() > until:
            break
        tried.append(trials.make(step))
        if len(tried) % _EVERY == 0:
            print(f"{len(tried)} of {len(chosen)} faults", flush=True)
        if asked.until_a_fall and tried[-1].verdict.falls:
            until = 0.0
        for fall in tried[-1].verdict.falls:
            print(f"FALL {step}\n     {fall}", flush=True)
    print("\n".join(table(tried)))
    missed = [each for each in tried if each.seconds is None]
    print(f"{len(tried)} faults; {len(missed)} did not strike", *(each.step for each in missed))
    return not any(each.verdict.falls for each in tried)


def shared(trials, nurseries, traces):
    """Let two runs share a job, and take turns to load; tell whether all held."""
    falls = 0
    for name, allowed in trials.clean.items():
        found = share(nurseries[:2], trials.next_day(name), allowed).falls
        (point,) = (each for each in traces[name] if each.label == "COPY data")
        found += take_turns(nurseries[:2], trials.next_day(name), allowed, point).falls
        if found:
            falls += 1
            print(f"FALL two runs of {name} at once", *found, sep="\n     ", flush=True)
    print(f"{len(trials.clean)} pipelines, two runs at once: {falls} fell", flush=True)
    return not falls


def people(trials, asked, until):
    """Let people act upon runs; tell whether all held."""
    count, found = Counter(), Counter()
    possible = list(acts(trials.nursery.dags, asked.pipelines))
    random.Random(asked.seed).shuffle(possible)
    print(f"{len(possible)} acts are possible; seed {asked.seed}", flush=True)
    for act in [each for each in possible if asked.only in each.kind][: asked.acts]:
        if time.monotonic() > until:
            break
        verdict = People(trials).make(act)
        count[act.kind] += 1
        found[act.kind] += bool(verdict.falls)
        for fall in verdict.falls:
            print(f"FALL {act}\n     {fall}", flush=True)
    print(f"{'act':28}{'times':>6}{'falls':>15}")
    for kind, times in sorted(count.items()):
        print(f"{kind:28}{times:6}{found[kind]:15}")
    return not found.total()


def mixes(made, traces, asked, until):
    """Make rounds of runs at once; tell whether all held."""
    falls, count = 0, 0
    for mixed in rounds(traces, asked.seed, asked.mixes, len(made.nurseries)):
        if time.monotonic() > until:
            break
        count += len(mixed)
        if found := made.make(mixed).falls:
            falls += 1
            print("FALL of a round", *found, *mixed, sep="\n     ", flush=True)
            if not asked.until_a_fall:
                print("It also falls as", *made.shrunk(mixed), sep="\n     ", flush=True)
    print(f"{count} runs, some at once: {falls} rounds fell; {len(made.said)} runs failed at first")
    return not falls


def parts(trials, nurseries, asked, until):
    """Yield whether each part of the run held."""
    traces = trials.trace(asked.pipelines)
    if not asked.step:
        yield shared(trials, nurseries, traces)
    yield steps(trials, traces, asked, until)
    if not asked.step:
        yield people(trials, asked, until)
        yield mixes(Mixes(nurseries, trials.clean), traces, asked, until)


def asked_for():
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=1, help="shuffles the plan")
    parser.add_argument("--step", type=int, help="only this step of the plan")
    parser.add_argument("--steps", type=int, default=_STEPS, help="how many of the plan")
    parser.add_argument("--only", default="", help="steps whose fault has these words in its name")
    parser.add_argument("--acts", type=int, default=_ACTS, help="of people, around runs")
    parser.add_argument("--mixes", type=int, default=_MIXES, help="runs with random faults")
    parser.add_argument("--minutes", type=float, default=45.0, help="begin nothing after that")
    parser.add_argument("--until-a-fall", action="store_true", help="end with the first fall")
    parser.add_argument("--pipelines", nargs="+", default=list(PIPELINES))
    return parser.parse_args()


def main():
    """Run the plan, or one step of it."""
    asked, begun, has_held = asked_for(), time.monotonic(), True
    with trials() as made, ExitStack() as stack:
        nurseries = [made.nursery]
        for number in range(1, 1 if asked.step else _LANES):
            lane = stack.enter_context(Lane(made.world, number).open())
            nurseries.append(stack.enter_context(nursery(lane)))
        for held in parts(made, nurseries, asked, begun + asked.minutes * 60):
            has_held = has_held and held
            if asked.until_a_fall and not held:
                break
    print(f"{time.monotonic() - begun:.0f} s")
    sys.exit(not has_held)


if __name__ == "__main__":
    main()
