"""A short cut of ``make chaos``: the faults that would lose most, one of each."""

import pytest

from tests.chaos.runs import nursery
from tests.chaos.steps import Step, faults_of
from tests.chaos.traps import MARKED
from tests.chaos.trials import Trials
from tests.chaos.world import Lane, a_world

# task, fault, beginning of the call: the last such call of the task.
FAULTS = [
    ("extract", "terminated after", "COPY ("),
    ("extract", "killed within", "PUT index.json"),
    ("build_manifest", "answer lost", "PUT manifest.json"),
    ("transform", "killed within", "CreateTransformJob"),
    ("transform", "answer lost", "CreateTransformJob"),
    ("transform", MARKED, "CreateTransformJob"),
    ("transform", "every third throttled", "any call"),
    ("load", "body cut", "GET part-N.csv.gz.out"),
    ("load", "terminated within", "COPY data"),
    ("load", "killed after", "DELETE FROM"),
    ("load", "killed within", 'INSERT INTO "predictions"."batch_transform_ledger"'),
]


@pytest.fixture(scope="module")
def trials(postgres):
    postgres.create_database("chaos")
    with (
        a_world(postgres, "chaos") as world,
        Lane(world, 0).open() as lane,
        nursery(lane) as made,
    ):
        yield Trials(made)


@pytest.fixture(scope="module")
def faults(trials):
    """What can go wrong with a run, as a trace of one shows."""
    (calls,) = trials.trace(["apples"]).values()
    return list(faults_of(calls))


@pytest.mark.parametrize(("task", "kind", "call"), FAULTS)
def test_nothing_is_lost(trials, faults, task, kind, call):
    found = [
        each
        for each in faults
        if (each.point.task, each.kind) == (task, kind) and each.point.label.startswith(call)
    ]
    tried = trials.make(Step(0, "apples", found[-1]))
    assert tried.verdict.falls == []
    assert tried.verdict.judged >= 6
    assert tried.seconds is not None, "the fault did not strike"
