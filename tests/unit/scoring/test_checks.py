"""Checks before publishing, from the figures of a partition and of those before it."""

import math
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from batch_transform.scoring.outputs.staged import StagedColumn, staging
from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.pipeline.checks import Checks
from batch_transform.scoring.publish.judge import (
    Measured,
    declared_checks,
    history_needed,
    judge,
    stability_index,
)
from batch_transform.scoring.publish.profile import BINS, Profile, profiles
from batch_transform.scoring.warehouse.ledger import Entry

SPREAD = tuple([40] * BINS)  # 2,000 scores, all over
SHIFTED = tuple([0] * (BINS // 2) + [80] * (BINS // 2))


def profile(**changes):
    figures = {"nulls": 0, "mean": 0.5, "varies": True, "bins": SPREAD, "low": 0.0, "high": 1.0}
    return Profile(**{**figures, **changes})


def entry(day, rows, figures):
    return Entry(
        pipeline="apples", partition=date(2013, 6, day), digest="", run_id="", job_name="",
        model="apples", source_rows=rows, oversized=0, records=rows, quarantined=0, rows=rows,
        transform_jobs=1,
        loaded_at=datetime(2013, 6, day, tzinfo=UTC), instance_type="ml.m5.large",
        instance_count=1, profile={"score": figures.to_dict()},
    )  # fmt: skip


HISTORY = [entry(day, 2000, profile()) for day in (3, 2, 1)]


def found(checks=None, *, rows=2000, history=HISTORY, held=0, **figures):
    profiles = {"score": profile(**figures)}
    measured = Measured(rows=rows, profiles=profiles, history=history, held=held)
    return [
        (each.check, each.level, each.facts) for each in judge(Checks(**checks or {}), measured)
    ]


def test_a_partition_like_those_before_it_passes():
    assert found() == []
    assert found(history=[]) == []


def test_a_partition_that_would_become_empty_is_blocked():
    facts = "there is no row, and the last 3 partitions had some"
    alone = {"row_count": {"level": "off"}}
    assert found(alone, rows=0) == [("empty", "block", facts)]
    assert found(alone, rows=0, history=[]) == []
    assert found(alone, rows=0, history=[entry(3, 0, profile())]) == []
    assert found(alone, rows=1) == []
    facts = "there is no row, and the partition holds 5"
    assert found(alone, rows=0, history=[], held=5) == [("empty", "block", facts)]
    assert found({**alone, "empty": {"level": "off"}}, rows=0, held=5) == []


@pytest.mark.parametrize(
    ("rows", "fails"), [(1000, False), (999, True), (3000, False), (3001, True)]
)
def test_the_row_count_may_differ_by_its_tolerance(rows, fails):
    facts = (
        f"{rows} rows; the last 3 partitions had 2000.0 on average, and 50.0% from it is allowed"
    )
    assert found(rows=rows) == ([("row_count", "warn", facts)] if fails else [])


def test_the_row_count_looks_back_as_far_as_it_is_told():
    history = [entry(9, 100, profile()), *HISTORY]
    assert found({"row_count": {"runs": 1, "tolerance": 0}}, rows=100, history=history) == []
    assert history_needed(Checks(row_count={"runs": 30})) == 30


@pytest.mark.parametrize(
    ("figures", "check", "facts"),
    [
        ({"nulls": 101}, "null_share of score", "5.05% of 2000 rows are NULL; 5.00% are allowed"),
        ({"varies": False}, "constant score", "the model answered all 2000 records alike"),
        ({"outside": 3}, "bounds of score", "3 of 2000 values lie outside its min and max"),
        (
            {"bins": SHIFTED},
            "stability of score",
            "the stability index against the last 3 partitions is 3.797; 0.25 is allowed",
        ),
    ],
)
@pytest.mark.parametrize("level", ["warn", "block", "off"])
def test_each_check_says_what_it_saw_at_its_level(figures, check, facts, level):
    name = check.split(" ")[0]
    expected = [] if level == "off" else [(check, level, facts)]
    assert found({name: {"level": level}}, **figures) == expected


def test_means_are_held_to_bounds_of_their_own():
    check = {"mean": {"score": {"geq_to": 0.1, "leq_to": 0.2}}}
    assert found(check) == [("mean of score", "block", "0.5; 0.1 to 0.2 is allowed")]
    assert found(check, mean=0.2) == []
    assert found(check, mean=None) == []
    with pytest.raises(ValidationError, match="geq_to, leq_to, or both"):
        Checks(mean={"score": {}})


def test_few_rows_are_no_ground_for_constancy_or_stability():
    assert found(rows=19, varies=False, bins=(19, *[0] * (BINS - 1)), history=[]) == []


def test_a_score_whose_bounds_changed_is_not_compared():
    assert found(bins=SHIFTED, high=2.0) == []


def test_stability_is_zero_for_the_same_and_grows_with_the_shift():
    assert stability_index(SPREAD, SPREAD) == 0
    tenfold = tuple(10 * count for count in SPREAD)
    assert stability_index(SPREAD, tenfold) == pytest.approx(0)
    half = [100] * 10
    moved = [110] * 5 + [90] * 5
    by_hand = 5 * 0.01 * math.log(1.1) - 5 * 0.01 * math.log(0.9)
    assert stability_index(half, moved) == pytest.approx(by_hand)
    assert math.isfinite(stability_index(SPREAD, SHIFTED))


def test_profiles_are_measured_on_the_stage():
    columns = [
        StagedColumn(name="id", type="bigint"),
        StagedColumn(name="score", type="double", nullable=True),
        StagedColumn(name="sort", type="text"),
    ]
    predictions = {
        "score": Prediction(at=-2, min=0, max=1, nullable=True),
        "sort": Prediction(at=-1, type="text"),
    }
    with staging(columns) as staged:
        staged.add_rows(
            [(1, 0.0, "a"), (2, 1.0, "a"), (3, None, "a"), (4, 1.5, "a"), (5, 0.5, "a")]
        )
        measured = profiles(staged, predictions)
    bins = [0] * BINS
    bins[0], bins[BINS // 2], bins[-1] = 1, 1, 2
    assert measured == {
        "score": Profile(
            nulls=1, mean=0.75, varies=True, outside=1, bins=tuple(bins), low=0.0, high=1.0
        ),
        "sort": Profile(nulls=0, mean=None, varies=False),
    }
    assert Profile.from_dict(measured["score"].to_dict()) == measured["score"]


@pytest.mark.parametrize(
    ("expected", "inside", "between"),
    [
        # bins that hold a tenth together, a shift inside of such groups, and one between them
        ([9, 1] * 10, [10, 0] * 10, [8, 1, *[9, 1] * 9, 0, 1]),
        ([10] * 10, [10] * 10, [11, 9, *[10] * 8]),
        ([5, 5] * 10, [0, 10] * 10, [5, 6, *[5, 5] * 8, 5, 4]),
        ([4, 4, 4] * 7, [12, 0, 0] * 7, [5, 4, 4, *[4, 4, 4] * 5, 3, 4, 4]),
    ],
)
def test_what_shifts_inside_a_tenth_of_the_rows_is_no_shift(expected, inside, between):
    assert stability_index(expected, inside) == pytest.approx(0, abs=1e-12)
    assert stability_index(expected, between[: len(expected)]) > 1e-4


def test_every_check_is_held_to_its_bound_and_not_before():
    assert found({"mean": {"score": {"geq_to": 0.5}}}, mean=0.5) == []
    assert found({"mean": {"score": {"geq_to": 0.5}}}, mean=0.499)
    twenty = {"row_count": {"level": "off"}, "constant": {"rows": 20}}
    assert [name for name, *_ in found(twenty, rows=20, varies=False)] == ["constant score"]
    assert found(twenty, rows=19, varies=False) == []


def test_stability_is_looked_at_from_as_many_rows_on_as_are_set():
    few = {"stability": {"rows": sum(SHIFTED)}}
    assert [name for name, *_ in found(few, bins=SHIFTED)] == ["stability of score"]
    assert found({"stability": {"rows": sum(SHIFTED) + 1}}, bins=SHIFTED) == []


def test_an_index_that_is_allowed_passes():
    index = stability_index([3 * count for count in SPREAD], SHIFTED)
    assert found({"stability": {"leq_to": index}}, bins=SHIFTED) == []
    assert found({"stability": {"leq_to": math.nextafter(index, 0)}}, bins=SHIFTED)


def test_every_check_is_declared_with_its_level_where_it_is_set():
    checks = Checks(mean={"score": {"leq_to": 1, "level": "warn"}}, constant={"level": "off"})
    declared = dict(declared_checks(checks, ["score", "sort"]))
    assert declared == {
        "empty": "block",
        "row_count": "warn",
        "mean of score": "warn",
        **{
            f"{name} {column}": level
            for column in ("score", "sort")
            for name, level in (
                ("bounds of", "block"),
                ("null_share of", "warn"),
                ("constant", "off"),
                ("stability of", "warn"),
            )
        },
    }


def test_the_rest_of_the_bins_is_a_group_as_well():
    # Of 15 bins with a fifteenth each two are a group, and the last is one by itself.
    by_hand = (math.log(13 / 12) - math.log(5 / 6)) / 90
    assert stability_index([6] * 15, [7, *[6] * 13, 5]) == pytest.approx(by_hand)
