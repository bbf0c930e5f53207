"""Every kind of run, through real Airflow."""

from datetime import UTC, date, datetime, timedelta

import pytest

from local.data.package_days import flights_per_day
from tests.e2e.conftest import FLIGHTS

DAY = date(2013, 6, 5)


def partition_of(laptop, run_id):
    return laptop.api.returned(FLIGHTS, run_id, "extract")["partition"]


def test_a_day_is_scored_by_hand_and_scored_again_to_the_same_rows(laptop, scored):
    first = laptop.rows(scored.day)
    assert first[0] == flights_per_day()[date.fromisoformat(scored.day)]
    _, state = laptop.trigger(FLIGHTS, partition=scored.day)
    assert state == "success"
    assert laptop.rows(scored.day) == first


@pytest.mark.slow
def test_links_lead_from_a_task_to_its_job_after_a_retry_too(laptop):
    run_id, _ = laptop.trigger(FLIGHTS, partition=DAY.isoformat())
    job = laptop.api.returned(FLIGHTS, run_id, "transform")["job_name"]
    links = laptop.links(FLIGHTS, run_id, "transform")
    assert set(links) == {
        "Report",
        "Amazon SageMaker Transform Job Details",
        "CloudWatch logs",
        "Manifest",
        "Outputs",
    }
    assert job in links["Amazon SageMaker Transform Job Details"]
    assert job in links["CloudWatch logs"]
    laptop.post(
        f"/dags/{FLIGHTS}/clearTaskInstances",
        dry_run=False,
        dag_run_id=run_id,
        task_ids=["transform"],
        only_failed=False,
    ).raise_for_status()
    assert laptop.finished(FLIGHTS, run_id) == "success"
    assert laptop.links(FLIGHTS, run_id, "transform") == links
    assert set(laptop.links(FLIGHTS, run_id, "load")) == set(links)


def test_a_picked_date_is_the_partition(laptop):
    run_id, state = laptop.trigger(FLIGHTS, logical_date="2013-06-06T12:00:00Z", dry_run=True)
    assert state == "success"
    assert laptop.api.returned(FLIGHTS, run_id, "plan")["partition"] == "2013-06-06"


@pytest.mark.parametrize("now_in_the_form", [True, False])
def test_nothing_filled_in_scores_the_last_whole_day_which_has_no_flights(laptop, now_in_the_form):
    before = datetime.now(UTC)
    logical_date = before.isoformat() if now_in_the_form else None
    run_id, state = laptop.trigger(FLIGHTS, logical_date=logical_date)
    assert state == "failed", "the days before have flights, so these have not come yet"
    assert laptop.states(FLIGHTS, run_id) == {
        "plan": "success",
        "extract": "success",
        "build_manifest": "skipped",
        "transform": "skipped",
        "wait": "skipped",
        "recover": "skipped",
        "load": "failed",
        "report": "upstream_failed",
    }
    assert "there is no row" in laptop.log_of(FLIGHTS, run_id, "load")
    from batch_transform.scoring.partition import last_whole_day

    expected = {
        last_whole_day(moment, "America/New_York").label for moment in (before, datetime.now(UTC))
    }
    assert partition_of(laptop, run_id) in expected


def test_a_day_without_flights_is_published_where_a_person_says_so(laptop):
    empty = max(flights_per_day()) + timedelta(days=2)
    _, state = laptop.trigger(FLIGHTS, partition=empty.isoformat(), publish_blocked=True)
    assert state == "success"
    assert laptop.rows(empty)[0] == 0


def test_a_backfill_over_the_change_of_the_clocks_is_one_run_a_day(laptop):
    created = laptop.post(
        "/backfills",
        dag_id=FLIGHTS,
        from_date="2013-11-02T00:00:00Z",
        to_date="2013-11-04T00:00:00Z",
        max_active_runs=3,
    )
    assert created.is_success, created.text
    mine = [run for run in laptop.api.runs() if run["dag_id"] == FLIGHTS]
    runs = [run for run in mine if run["run_type"] == "backfill"]
    for run in runs:
        assert laptop.finished(FLIGHTS, run["dag_run_id"]) == "success"
    days = [date(2013, 11, day) for day in (2, 3, 4)]
    assert sorted(run["logical_date"][:10] for run in runs) == [day.isoformat() for day in days]
    package = flights_per_day()
    assert [laptop.rows(day)[0] for day in days] == [package[day] for day in days]


def test_the_stack_has_the_pool_of_every_instance_type_and_counts_deferred_tasks(laptop):
    pools = laptop.api.client.get("/pools").raise_for_status().json()["pools"]
    assert {pool["name"]: pool["include_deferred"] for pool in pools} == {
        "default_pool": False,
        "transform-ml.m5.large": True,
    }
