"""Changes the modules that decide, one small change at a time, and counts those no test finds.

``python -m tests.mutants`` makes all, and with ``recovery/cuts.py`` those of that module.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.mutants.changes import mutants_of
from tests.mutants.forks import Tests
from tests.mutants.modules import MODULES

_PROJECT = Path(__file__).parents[2]
_SCORING = _PROJECT / "plugins" / "batch_transform" / "scoring"
_TESTS = "tests/unit/scoring"
_EQUIVALENT = Path(__file__).parent / "equivalent.yaml"
_LEAST = 0.85
_OPTIONS = ("-n", "0", "-q", "-s", "-p", "tests.mutants.quick", "--no-header", "-o", "timeout=120")


@dataclass(frozen=True, eq=False)
class _Trial:
    module: str
    mutant: object
    original: object
    tests: list[int]

    @property
    def name(self):
        return f"{self.module} {self.mutant.function}: {self.mutant.change}"


class _Mutation:
    """A plugin of pytest that tries mutants where it would run the tests."""

    def __init__(self, modules, arguments):
        self._modules = modules
        self._arguments = arguments
        self.outcomes = {}

    @pytest.hookimpl
    def pytest_runtestloop(self, session):
        files = {str(_SCORING / module) for module in self._modules}
        tests = Tests(session, files)
        print(f"{len(tests.seconds)} tests take {sum(tests.seconds):.0f} s", flush=True)
        trials = list(self._trials(session, tests))
        if self._arguments.most and len(trials) > self._arguments.most:
            trials = random.Random(self._arguments.seed).sample(trials, self._arguments.most)
        self.outcomes = _tried(tests, trials)
        return True

    def _trials(self, session, tests):
        for module in self._modules:
            path = str(_SCORING / module)
            text = Path(path).read_text()
            own = tuple(f"{_TESTS}/{each}" for each in MODULES[module])
            original = compile(text, path, "exec")
            for mutant in mutants_of(text, path):
                reaching = tests.reaching(path, mutant.lines, own)
                yield _Trial(module, mutant, original, reaching)


def _tried(tests, trials):
    """Try mutants, as many at once as there are processors, and tell which ones are found."""
    running, found = {}, {}
    for number, trial in enumerate(trials):
        while len(running) >= (os.cpu_count() or 1):
            _take_one(running, found)
        if not trial.tests:
            _note(found, trial, False)
            continue
        path = str(_SCORING / trial.module)
        process = tests.start(trial.tests, path, trial.original, trial.mutant.code)
        running[process] = trial
        if number % 100 == 99:
            print(f"{number + 1} of {len(trials)}", flush=True)
    while running:
        _take_one(running, found)
    return found


def _take_one(running, found):
    process, status = os.wait()
    trial = running.pop(process)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 2:
        raise SystemExit(f"{trial.name} cannot be tried")
    _note(found, trial, status != 0)


def _note(found, trial, is_found):
    found[trial] = is_found
    if not is_found:
        print(
            f"survives{'' if trial.tests else ', as no test reaches it'}: {trial.name}", flush=True
        )


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="module", help="of scoring; all without")
    parser.add_argument("--most", type=int, default=0, help="try so many, by chance")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    modules = arguments.modules or list(MODULES)
    mutation = _Mutation(modules, arguments)
    began = time.monotonic()
    own = {f"{_TESTS}/{each}" for module in modules for each in MODULES[module]}
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # of the forks, some of which leave theirs when they are ended
        pytest.main([*_OPTIONS, *sorted(own)], plugins=[mutation])
    if not mutation.outcomes:
        sys.exit("No mutant was tried")
    sys.exit(_told(modules, mutation.outcomes, time.monotonic() - began))


def _told(modules, outcomes, seconds):
    listed = yaml.safe_load(_EQUIVALENT.read_text()) or {}
    equivalent = {
        f"{module} {function}: {change}"
        for module, functions in listed.items()
        for function, changes in functions.items()
        for change in changes
    }
    survived = [t for t, found in outcomes.items() if not found and t.name not in equivalent]
    wrong = [t.name for t, found in outcomes.items() if found and t.name in equivalent]
    for name in wrong:
        print(f"found, though listed as equivalent: {name}")
    kinds = Counter()
    for trial, found in outcomes.items():
        kind = "killed" if found else "survived" if trial in survived else "equivalent"
        kinds[trial.module, kind] += 1
    columns = ("killed", "survived", "equivalent")
    print(f"{'module':28}" + "".join(f"{each:>12}" for each in columns))
    for module in modules:
        print(f"{module:28}" + "".join(f"{kinds[module, each]:12}" for each in columns))
    total = {each: sum(kinds[module, each] for module in modules) for each in columns}
    share = total["killed"] / (total["killed"] + total["survived"])
    print(f"{'all':28}" + "".join(f"{total[each]:12}" for each in columns))
    print(f"{share:.1%} of {len(outcomes) - total['equivalent']} killed in {seconds:.0f} s")
    return int(share < _LEAST or bool(wrong))


if __name__ == "__main__":
    main()
