"""Pools: which slots a run takes, and when it would wait for them for ever."""

from types import SimpleNamespace

import pytest

from batch_transform.pools import Slots, slots_of

TASK = SimpleNamespace(pool="transform-ml.m5.large", pool_slots=2)


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({}, Slots(pool="transform-ml.m5.large", count=2)),
        ({"instance_type": None, "instance_count": None}, Slots(pool=TASK.pool, count=2)),
        ({"instance_type": "ml.c5.xlarge"}, Slots(pool="transform-ml.c5.xlarge", count=2)),
        ({"instance_count": 5}, Slots(pool="transform-ml.m5.large", count=5)),
    ],
)
def test_a_run_takes_slots_of_the_instances_it_asks_for(conf, expected):
    assert slots_of(TASK, conf) == expected


def test_other_pools_are_left_alone():
    others = SimpleNamespace(pool="default_pool", pool_slots=1)
    assert slots_of(others, {"instance_type": "ml.c5.xlarge"}) is None


@pytest.mark.parametrize(
    ("there_are", "words"),
    [
        (None, "There is no pool transform-x "),
        (1, "needs 2 slots of pool transform-x, which has 1"),
    ],
)
def test_slots_that_never_come_are_said_with_what_to_do(there_are, words):
    text = Slots(pool="transform-x", count=2).unfit(there_are)
    assert words in text
    assert "Admin > Pools, give it a slot for each x" in text


@pytest.mark.parametrize("there_are", [2, 100, -1])
def test_slots_that_are_there_are_waited_for(there_are):
    assert Slots(pool="transform-x", count=2).unfit(there_are) == ""
