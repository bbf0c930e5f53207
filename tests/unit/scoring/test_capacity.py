"""The arithmetic of a night, beside a scheduler that goes through it task by task."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.capacity.night import Night
from batch_transform.scoring.capacity.rates import RATES, with_overrides
from batch_transform.scoring.capacity.stages import stages, total
from batch_transform.scoring.capacity.verdict import verdict
from batch_transform.scoring.errors import ConfigurationError
from tests.unit.scoring.scheduled_night import simulated

HOUR = 3600
KNOWN = with_overrides({"unload": 2_000_000})
# Of a service that starts at once, and a target that takes all at once: what is left is ours.
OURS = with_overrides({"startup": 1, "load": 1e9, "copy": 0.001, "look": 0.001})


def night(**changes):
    """A night of 100 M rows that is easily carried."""
    known = {"rows": 10**8, "model_speed": 2000, "deadline": 6 * HOUR, "instances": 10}
    known.update(changes)
    known.setdefault("quota", known["instances"] * known.get("jobs", 1))
    return Night(**known)


@st.composite
def nights(draw):
    slices = draw(st.integers(1, 24))
    jobs = draw(st.integers(1, slices))
    instances = draw(st.integers(1, 40))
    return Night(
        rows=draw(st.sampled_from([1, 10**4, 3 * 10**6, 10**8, 10**9])),
        record_bytes=draw(st.sampled_from([20, 100, 1000])),
        model_speed=draw(st.sampled_from([50, 2000, 10**5])),
        deadline=6 * HOUR,
        source=draw(st.sampled_from(["query", "parquet", "unload"])),
        slices=slices,
        jobs=jobs,
        instances=instances,
        groups=draw(st.integers(1, 12)),
        quota=instances * draw(st.integers(1, jobs)),
        workers=draw(st.integers(1, 6)),
        slots=draw(st.integers(1, 16)),
        cores=draw(st.integers(1, 4)),
        pool=draw(st.none() | st.integers(1, 8)),
        max_active_tasks=draw(st.none() | st.integers(4, 20)),
    )


@settings(max_examples=60, deadline=None)
@given(nights())
@example(night(rows=10**9, slices=32, jobs=4, instances=25, workers=8))
def test_a_night_takes_about_as_long_as_a_scheduler_takes_for_it(planned):
    seconds, _, most_at_once = simulated(planned, KNOWN)
    expected = total(planned, KNOWN)
    in_its_way = 2 * planned.jobs * KNOWN["task"].value  # tasks of a job before the next job's
    assert seconds <= expected * 1.001 + in_its_way, "more is never promised than is kept"
    assert expected <= seconds * 2
    extract = next(each for each in stages(planned, KNOWN) if each.task == "extract")
    assert extract.at_once == most_at_once


EVEN = [
    {},
    {"slices": 8, "workers": 4},
    {"slices": 8, "workers": 2, "cores": 1},
    {"slices": 8, "pool": 2, "workers": 4},
    {"slices": 8, "workers": 1, "slots": 4, "cores": 4},
    {"slices": 32, "max_active_tasks": 8, "workers": 8},
    {"rows": 10**9, "slices": 8, "jobs": 4, "workers": 4, "quota": 40},
    {"rows": 10**9, "slices": 8, "jobs": 4, "workers": 4, "quota": 20},
    {"source": "parquet", "slices": 4, "record_bytes": 1000},
    {"source": "unload", "slices": 4},
    {"slices": 8, "groups": 8, "workers": 4},
    {"groups": 8, "workers": 2, "slots": 2, "cores": 1},
]


@pytest.mark.parametrize("changes", EVEN, ids=str)
def test_where_all_is_even_it_is_the_same_to_a_second_a_task(changes):
    planned = night(**changes)
    seconds, ends, _ = simulated(planned, KNOWN)
    timed = stages(planned, KNOWN)
    assert total(planned, KNOWN) == pytest.approx(seconds, rel=0.03)
    begun = 0.0
    for stage in timed[:-6]:  # those before the jobs, which may go ahead of each other
        begun += stage.seconds
        names = [
            name for name in ends if name.rpartition("-")[0] == stage.task or name == stage.task
        ]
        assert len(names) == stage.tasks
        assert max(ends[name] for name in names) == pytest.approx(begun, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "task", "held_by"),
    [
        ({"model_speed": 100}, "transform", "transform.instance_count"),
        ({"model_speed": 100, "slices": 4, "jobs": 4, "quota": 20}, "transform", "the quota"),
        ({"model_speed": 10**7, "slices": 2, "rows": 10**9}, "load", "one connection of load"),
        ({"source": "parquet", "model_speed": 10**7}, "extract", "extract.slices"),
        (
            {"model_speed": 10**7, "groups": 2, "rows": 10**9, "cores": 9},
            "publish",
            "one connection of publish",
        ),
        (
            {"source": "parquet", "model_speed": 10**7, "slices": 9, "max_active_tasks": 1},
            "extract",
            "max_active_tasks",
        ),
        (
            {"source": "parquet", "model_speed": 10**7, "slices": 8},
            "extract",
            "cores of the workers",
        ),
        (
            {"source": "parquet", "model_speed": 10**7, "slices": 8, "pool": 1},
            "extract",
            "slots of the pool",
        ),
        (
            {"source": "parquet", "model_speed": 10**7, "slices": 8, "slots": 1},
            "extract",
            "slots of the workers",
        ),
    ],
)
def test_the_first_limit_is_what_holds_the_longest_task(changes, task, held_by):
    rates = RATES if task in ("load", "publish") else OURS
    seen = verdict(night(**changes), rates)
    assert (seen.longest.task, seen.longest.held_by) == (task, held_by)
    assert held_by in seen.first_limit


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"instances": 101}, "SageMaker takes 100 in a job: set transform.jobs"),
        ({"instances": 30, "quota": 20}, "never starts within a quota of 20"),
        ({"jobs": 4}, "transform.jobs is 4 and extract.slices 1"),
        ({"slices": 101}, "there may be 100"),
    ],
)
def test_what_never_runs_is_refused_before_its_time_is_told(changes, words):
    seen = verdict(night(**changes), RATES)
    assert words in seen.first_limit
    assert (seen.is_carried, seen.turns, seen.most_rows) == (False, (), 0)


def test_a_thousand_million_rows_are_brought_into_the_night_by_turning_what_holds_them():
    planned = night(rows=10**9, slices=8, workers=4, instances=20, deadline=2 * HOUR)
    seen = verdict(planned, RATES)
    assert not seen.is_carried
    assert seen.is_cured
    turned = planned
    names = {"transform.instance_count": "instances", "transform.jobs": "jobs"}
    names |= {"extract.slices": "slices", "quota of instances": "quota", "workers": "workers"}
    for turn in seen.turns:
        changes = {names[name]: after for name, (_, after) in turn.changes.items()}
        assert {getattr(turned, name) for name in changes} == {b for b, _ in turn.changes.values()}
        turned = replace(turned, **changes)
        assert total(turned, RATES) == turn.seconds
    seconds, _, _ = simulated(turned, RATES)
    assert seconds <= 2 * HOUR < simulated(planned, RATES)[0]


def test_the_most_rows_are_the_last_that_are_over_in_time():
    planned = night(slices=4)
    most = verdict(planned, RATES).most_rows
    assert total(replace(planned, rows=most), RATES) <= planned.deadline
    assert total(replace(planned, rows=most + 1), RATES) > planned.deadline


def test_where_nothing_helps_nothing_is_turned():
    planned = night(rows=10**9, deadline=60)
    seen = verdict(planned, with_overrides({"load": 1000}))
    assert not seen.is_cured
    assert seen.longest.task == "load"


def test_what_a_warehouse_unloads_in_nobody_knows_but_its_owner():
    with pytest.raises(ConfigurationError, match="give --rate unload=… in rows/s"):
        stages(night(source="unload"), RATES)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [({"loud": 1}, "There is no rate loud; there are query"), ({"load": 0}, "above 0")],
)
def test_a_figure_of_ones_own_must_be_one(overrides, words):
    with pytest.raises(ConfigurationError, match=words):
        with_overrides(overrides)


def test_every_rate_says_where_it_is_from():
    assert all(rate.by and rate.of and rate.unit for rate in RATES.values())


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"workers": 8, "pool": 1}, "slots of the pool"),
        ({"workers": 8, "max_active_tasks": 1}, "max_active_tasks"),
    ],
)
def test_what_airflow_lets_run_at_once_is_turned_where_that_holds_the_run(changes, setting):
    wide = {"source": "parquet", "model_speed": 10**7, "slices": 8, **changes}
    planned = night(rows=10**9, **wide)
    planned = replace(planned, deadline=int(0.8 * total(planned, OURS)))
    seen = verdict(planned, OURS)
    assert seen.is_cured
    assert seen.turns[0].changes == {setting: (1, 2)}


def test_more_groups_than_the_package_makes_are_refused():
    seen = verdict(night(groups=101), RATES)
    assert seen.refusals == ("load.groups is 101, and there may be 100",)


def test_rows_of_a_rate_that_nobody_has_measured_take_no_known_time():
    with pytest.raises(TypeError, match="no figure of"):
        RATES["unload"].seconds(10**6, 100)
