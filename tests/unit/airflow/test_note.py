"""What the note of a run says."""

import pytest

from batch_transform.note import of_groups, result

LOADED = {
    "rows": 1960,
    "quarantined": 2,
    "published": True,
    "means": {"late_probability": 0.16612, "other": 5.0},
}


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (LOADED, "1,960 rows · mean 0.166 · 2 quarantined"),
        (
            {**LOADED, "jobs_started": 1, "dollars": 0.123},
            "1,960 rows · mean 0.166 · 2 quarantined · 1 job started · $0.12",
        ),
        (
            {**LOADED, "jobs_started": 0, "dollars": None, "means": {}},
            "1,960 rows · 2 quarantined · 0 jobs started",
        ),
        (
            {**LOADED, "published": False},
            "compared, not published · 1,960 rows · mean 0.166 · 2 quarantined",
        ),
        ({"rows": 1100}, "planned · about 1,100 rows"),
        ({"rows": None}, "planned"),
    ],
)
def test_a_run_that_ended_well_says_what_it_did(returned, text):
    assert result("2013-06-04", returned, []) == f"2013-06-04 · {text}"


def test_a_run_that_failed_says_where_whatever_it_did_before():
    assert result("2013-06-04", LOADED, ["group.load"]) == "2013-06-04 · failed in load"
    assert result("2013-06-04", {}, ["extract", "plan"]) == "2013-06-04 · failed in extract, plan"
    assert result("", {}, ["plan"]) == "failed in plan", "it names no day"


def test_a_run_whose_tasks_have_not_run_says_its_day_alone():
    assert result("2013-06-04", {}, []) == "2013-06-04"


@pytest.mark.parametrize(
    ("said", "failed", "text"),
    [
        ({"": "2013-06-04"}, [], "2013-06-04"),
        ({"flights": "2013-06-04"}, ["tell"], "2013-06-04 · failed in tell"),
        ({"flights": "2013-06-04", "churn": "2013-06"}, [], "flights: 2013-06-04; churn: 2013-06"),
        ({"flights": "2013-06-04", "churn": ""}, [], "flights: 2013-06-04"),
        ({"flights": ""}, ["before.look"], "failed in look"),
    ],
)
def test_a_run_of_several_pipelines_says_it_of_each_and_what_else_failed(said, failed, text):
    assert of_groups(said, failed) == text
