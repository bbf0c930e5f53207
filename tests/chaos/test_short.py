"""A short cut of ``make chaos``: the faults that would lose most, one of each."""

import pytest

from tests.chaos.people import CLEARED_ON, Act, People
from tests.chaos.runs import nursery
from tests.chaos.steps import WORST, Step, faults_of, worst
from tests.chaos.trials import Trials
from tests.chaos.world import Lane, a_world

FAULTS = [each for each in WORST if each[0] != "recover"]  # which has nothing to do for apples


ACTS = [
    Act("apples", "extract", CLEARED_ON),
    Act("apples", "load", "the outputs are deleted"),
    Act("apples", "transform", "the model is made anew"),
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
    tried = trials.make(Step(0, "apples", worst(faults, task, kind, call)))
    assert tried.verdict.falls == []
    assert tried.verdict.judged >= 6
    assert tried.seconds is not None, "the fault did not strike"


@pytest.mark.usefixtures("faults")  # a clean run has shown what one costs
@pytest.mark.parametrize("act", ACTS, ids=str)
def test_people_may_act(trials, act):
    verdict = People(trials).make(act)
    assert verdict.falls == []
    assert verdict.judged >= 6
