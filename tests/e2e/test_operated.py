"""What the people see who run this: which day, what came of it, and why it does not go on."""

import pytest

from tests.e2e.conftest import FLIGHTS


def run_of(laptop, dag_id, run_id):
    return laptop.api.client.get(f"/dags/{dag_id}/dagRuns/{run_id}").raise_for_status().json()


def test_a_run_says_its_partition_and_its_result(laptop, scored):
    run = run_of(laptop, FLIGHTS, scored.run_id)
    assert run["partition_key"] == scored.day
    rows, total = laptop.rows(scored.day)
    said = f"{scored.day} · {rows:,} rows · mean {total / rows:.3g} · 0 quarantined"
    assert run["note"].startswith(said)
    asked = {"source_run_id": scored.run_id, "source_dag_id": FLIGHTS}
    told = laptop.api.client.get("/assets/events", params=asked).raise_for_status().json()
    (event,) = told["asset_events"]
    assert (event["name"], event["partition_key"]) == ("predictions.flight_delay", scored.day)
    assert (event["extra"]["rows"], event["extra"]["model"]) == (rows, "flight-delay")


def test_a_run_may_be_triggered_with_a_partition_key(laptop):
    body = {"logical_date": None, "partition_key": "2013-06-20", "conf": {"dry_run": True}}
    run_id = laptop.post(f"/dags/{FLIGHTS}/dagRuns", **body).raise_for_status().json()["dag_run_id"]
    assert laptop.finished(FLIGHTS, run_id) == "success"
    run = run_of(laptop, FLIGHTS, run_id)
    assert run["note"].startswith("2013-06-20 · planned · about ")


def test_a_persons_note_stays(laptop):
    body = {
        "logical_date": None,
        "note": "for Ann",
        "conf": {"partition": "2013-06-20", "dry_run": True},
    }
    run_id = laptop.post(f"/dags/{FLIGHTS}/dagRuns", **body).raise_for_status().json()["dag_run_id"]
    assert laptop.finished(FLIGHTS, run_id) == "success"
    assert run_of(laptop, FLIGHTS, run_id)["note"] == "for Ann"


def test_a_run_that_compares_says_so_and_changes_nothing(laptop, scored):
    before = laptop.rows(scored.day)
    run_id, state = laptop.trigger(FLIGHTS, partition=scored.day, sample=50)
    assert state == "success"
    assert laptop.rows(scored.day) == before
    note = run_of(laptop, FLIGHTS, run_id)["note"]
    assert note.startswith(f"{scored.day} · compared, not published · 50 rows")
    replaces = laptop.api.returned(FLIGHTS, run_id, "load")["replaces"]
    assert replaces.startswith("would replace 50 rows with 50; mean 0.")
    assert replaces.endswith(" 0 predictions differ")
    asked = {"source_run_id": run_id, "source_dag_id": FLIGHTS}
    told = laptop.api.client.get("/assets/events", params=asked).raise_for_status().json()
    assert told["asset_events"] == []


@pytest.fixture
def other_pools(laptop):
    """Make pools that go with the test."""
    made = []

    def make(**pool):
        laptop.post("/pools", include_deferred=True, **pool).raise_for_status()
        made.append(pool["name"])

    yield make
    for name in made:
        laptop.api.client.delete(f"/pools/{name}").raise_for_status()


def test_a_pool_that_is_missing_is_said_and_not_waited_for(laptop, other_pools):
    asked = {"partition": "2013-06-21", "sample": 20, "instance_type": "ml.c5.4xlarge"}
    run_id, state = laptop.trigger(FLIGHTS, **asked)
    assert state == "failed"
    log = laptop.log_of(FLIGHTS, run_id, "plan")
    assert "There is no pool transform-ml.c5.4xlarge for the run's transform job" in log
    pool = "transform-ml.c5.4xlarge"
    other_pools(name=pool, slots=2)
    run_id, state = laptop.trigger(FLIGHTS, **asked)
    assert state == "success"
    path = f"/dags/{FLIGHTS}/dagRuns/{run_id}/taskInstances/transform"
    task = laptop.api.client.get(path).raise_for_status().json()
    assert (task["pool"], task["pool_slots"]) == (pool, 2)
    run_id, state = laptop.trigger(FLIGHTS, **asked, instance_count=3)
    assert state == "failed"
    log = laptop.log_of(FLIGHTS, run_id, "plan")
    assert "needs 3 slots of pool transform-ml.c5.4xlarge, which has 2" in log


def test_an_error_is_said_in_lines_that_fit_and_without_a_traceback(laptop):
    run_id, state = laptop.trigger(FLIGHTS, partition="2013-06-21", Sample=5)
    assert state == "failed"
    events = laptop.events_of(FLIGHTS, run_id, "plan")
    errors = [each for each in events if each.get("level") == "error"]
    assert len(errors) == 4, "two lines, where there is more, and Airflow's"
    assert errors[-2]["event"].startswith("More: docs/operating.md#")
    assert errors[-1]["event"].startswith("The task failed; the lines above say why")
    assert not any("error_detail" in each for each in events)
    assert not any("credentials" in each["event"] for each in events)
    said = " ".join(each["event"] for each in events)
    assert "'Sample' is no parameter of a run; did you mean sample?" in said
    mine = [each["event"] for each in events if "batch_transform" in each.get("logger", "")]
    assert mine
    assert max(map(len, mine)) <= 100, "about as many fit at 1400 pixels"
