"""Figures of groups of rows, put together as those of the partition."""

import pytest

from batch_transform.scoring.publish.profile import Profile

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
