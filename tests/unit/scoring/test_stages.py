"""The tasks of a night by name, and what holds each of them."""

import pytest

from batch_transform.scoring.capacity.night import Night
from batch_transform.scoring.capacity.rates import with_overrides
from batch_transform.scoring.capacity.stages import stages

KNOWN = with_overrides({"unload": 2_000_000, "task": 2})
HOUR = 3600


def by_task(**changes):
    known = {"rows": 10**8, "model_speed": 2000, "deadline": 6 * HOUR, "instances": 10}
    known.update(changes)
    known.setdefault("quota", known["instances"] * known.get("jobs", 1))
    return {stage.task: stage for stage in stages(Night(**known), KNOWN)}


@pytest.mark.parametrize(
    ("changes", "tasks"),
    [
        ({}, "plan extract build_manifest transform wait recover load report"),
        (
            {"source": "unload", "slices": 4, "groups": 3},
            "plan unload extract join_slices build_manifest transform wait recover reconcile"
            " publish report",
        ),
    ],
)
def test_a_run_has_its_tasks_in_their_order(changes, tasks):
    assert list(by_task(**changes)) == tasks.split()


def test_a_task_that_only_begins_takes_what_a_task_takes():
    timed = by_task()
    assert timed["plan"].seconds == timed["report"].seconds == 2


@pytest.mark.parametrize(
    ("changes", "task", "held_by"),
    [
        ({"source": "unload"}, "unload", "the warehouse"),
        ({"slices": 4}, "join_slices", "shards.max_bytes"),
        ({"groups": 2, "workers": 9}, "reconcile", "load.groups"),
        # as many tasks at once as there are cores are not held by them
        ({"groups": 8, "workers": 2, "cores": 4}, "reconcile", "load.groups"),
        ({"groups": 9, "workers": 2, "cores": 4}, "reconcile", "cores of the workers"),
        ({"slices": 8, "workers": 2, "cores": 4}, "extract", "extract.slices"),
        ({"rows": 10**5}, "transform", "transform.instance_count"),
        ({"instances": 1}, "transform", "transform.instance_count"),
    ],
)
def test_each_task_says_what_holds_it(changes, task, held_by):
    assert by_task(**changes)[task].held_by == held_by


def test_jobs_that_begin_one_after_the_other_begin_later():
    together = by_task(slices=4, jobs=4, slots=8, workers=1)["transform"]
    in_turns = by_task(slices=4, jobs=4, slots=2, workers=1)["transform"]
    assert in_turns.at_once == together.at_once == 4
    assert in_turns.seconds - together.seconds == pytest.approx(2)


def test_the_last_wave_is_as_small_as_what_is_left():
    # 5 groups, 4 at once: a wave of 4 on two cores, and one that has a core to itself.
    one, five = (
        by_task(rows=each * 10**6, groups=each, slots=4, workers=1, cores=2)["reconcile"].seconds
        for each in (1 + 1, 5)
    )
    alone = one - 2  # two groups on two cores: one wave, at full speed
    assert five == pytest.approx(2 * 2 + 2 * alone + alone)
