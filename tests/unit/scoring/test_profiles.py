"""Figures of groups of rows, put together as those of the partition."""

import pytest

from batch_transform.scoring.outputs.staged import StagedColumn, staging
from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.publish.profile import BINS, Profile, profiles

ONE = Profile(nulls=2, mean=1.0, varies=False, outside=3, bins=(1, 2), low=0.0, high=2.0)
OTHER = Profile(nulls=5, mean=2.0, varies=False, outside=7, bins=(4, 8), low=0.0, high=2.0)
NULLS = Profile(nulls=5, mean=None, varies=False, bins=(0, 0), low=0.0, high=2.0)


def test_counts_add_up_and_the_mean_is_that_of_all_values():
    assert ONE.joined(OTHER, (3, 1)) == Profile(
        nulls=7, mean=1.25, varies=True, outside=10, bins=(5, 10), low=0.0, high=2.0
    )


@pytest.mark.parametrize(
    ("one", "other", "values", "mean"),
    [
        (ONE, NULLS, (3, 0), 1.0),
        (NULLS, ONE, (0, 3), 1.0),
        (NULLS, NULLS, (0, 0), None),
        (ONE, OTHER, (0, 3), 2.0),
    ],
)
def test_rows_without_a_value_say_nothing_of_the_mean(one, other, values, mean):
    joined = one.joined(other, values)
    assert joined.mean == mean
    assert not joined.varies
    assert joined.nulls == one.nulls + other.nulls


@pytest.mark.parametrize(
    ("one", "other"), [({"varies": True}, {}), ({}, {"varies": True}), ({}, {"mean": 1.5})]
)
def test_values_vary_where_they_do_in_one_group_or_between_two(one, other):
    facts = {"nulls": 0, "mean": 1.0, "varies": False}
    assert Profile(**{**facts, **one}).joined(Profile(**{**facts, **other}), (1, 1)).varies
    assert not Profile(**facts).joined(Profile(**facts), (1, 1)).varies


@pytest.mark.parametrize("bounds", [{"low": -1.0}, {"high": 3.0}])
def test_bins_between_other_bounds_are_not_counted_together(bounds):
    facts = {"nulls": 0, "mean": 1.0, "varies": True, "low": 0.0, "high": 2.0}
    one = Profile(**facts, bins=(1, 2))
    assert one.joined(Profile(**{**facts, **bounds}, bins=(3, 4)), (3, 7)).bins == (1, 2)


def measured(bounds, *scores):
    columns = [StagedColumn(name=name, type="double") for name in ("id", "score")]
    with staging(columns) as staged:
        staged.add_rows(list(enumerate(scores)))
        return profiles(staged, {"score": Prediction(at=-1, **bounds)})["score"]


def test_bins_are_equal_parts_from_the_least_to_the_greatest_value():
    found = measured({"min": 1, "max": 3}, 1.0, 1.001, 2.0, 2.999, 3.0)
    counts = {number: count for number, count in enumerate(found.bins) if count}
    assert counts == {0: 2, BINS // 2: 1, BINS - 1: 2}
    assert (len(found.bins), found.low, found.high) == (BINS, 1, 3)


@pytest.mark.parametrize(
    ("bounds", "outside"), [({}, 0), ({"min": 1}, 1), ({"max": 1}, 2), ({"min": 1, "max": 1}, 3)]
)
def test_there_are_no_bins_without_two_different_bounds(bounds, outside):
    found = measured(bounds, 0.0, 1.0, 2.0, 3.0)
    assert (found.bins, found.low, found.high) == ((), None, None)
    assert found.outside == outside
