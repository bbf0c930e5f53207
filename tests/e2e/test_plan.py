"""What a run is to do, said and decided before it does anything, on real Airflow."""

import pytest

from tests.e2e.conftest import DEAR, FLIGHTS
from tests.e2e.test_jobs import Jobs, until

DAY = "2013-10-01"  # which no other test scores


def test_a_dry_run_plans_and_ends(laptop):
    run_id, state = laptop.trigger(FLIGHTS, partition=DAY, dry_run=True)
    assert state == "success"
    states = laptop.states(FLIGHTS, run_id)
    assert states.pop("plan") == "success"
    assert set(states.values()) == {"skipped"}
    assert laptop.api.returned(FLIGHTS, run_id, "plan")["partition"] == DAY
    log = laptop.log_of(FLIGHTS, run_id, "plan")
    assert "named by the parameter 'partition'" in log
    assert "replaces no row" in log
    assert "source.flights AS flights" in log
    assert Jobs(laptop).of(DAY) == {}


@pytest.mark.parametrize(
    ("conf", "text"),
    [
        ({"partition": "2199-01-01"}, "Partition 2199-01-01 is not over"),
        (
            {"partition": "2013-05-31"},
            "Partition 2013-05-31 is before the first, which is start_date in pipeline.yaml",
        ),
        ({"sample": 5, "resubmit": True}, "resubmit changes the partition, and this run does not"),
        ({"instance_type": "ml.m5.tiny"}, "InstanceType"),
        ({"model": "nobody"}, "There is no SageMaker model 'nobody'"),
    ],
)
def test_what_cannot_be_had_is_said_by_the_first_task(laptop, conf, text):
    run_id, state = laptop.trigger(FLIGHTS, **{"partition": DAY, **conf})
    assert state == "failed"
    states = laptop.states(FLIGHTS, run_id)
    assert states.pop("plan") == "failed"
    assert set(states.values()) == {"upstream_failed"}
    assert text in laptop.log_of(FLIGHTS, run_id, "plan")


def test_what_is_no_date_is_refused_before_a_run_is_made(laptop):
    answer = laptop.post(
        f"/dags/{FLIGHTS}/dagRuns", logical_date=None, conf={"partition": "yesterday"}
    )
    assert answer.status_code == 400
    assert "yesterday" in answer.text


@pytest.mark.parametrize(
    "conf",
    [{"sample": 0}, {"sample": "5"}, {"cost_cap": -1}, {"instance_type": "big"}, {"publish": 1}],
)
def test_a_wrong_value_is_refused_before_a_run_is_made(laptop, conf):
    answer = laptop.post(f"/dags/{FLIGHTS}/dagRuns", logical_date=None, conf=conf)
    assert answer.status_code == 400, answer.text


def asks(laptop, run_id):
    return laptop.states(DEAR, run_id)["plan"] == "awaiting_input"


def is_decided(laptop, run_id, answer):
    """Answer where the run asks: again, where Airflow took the task for killed as it paused."""
    if asks(laptop, run_id):
        reply(laptop, run_id, answer)
    return laptop.state(DEAR, run_id) in ("success", "failed")


def reply(laptop, run_id, answer):
    place = f"/dags/{DEAR}/dagRuns/{run_id}/taskInstances/plan/-1/hitlDetails"
    laptop.api.client.patch(place, json={"chosen_options": [answer], "params_input": {}})


@pytest.mark.slow
def test_a_run_over_its_cost_asks_a_person(laptop):
    """The first day has no runs before it to tell what it costs; the second has."""
    for day, answer, expected in (
        ("2013-07-01", None, "success"),
        ("2013-07-02", "Reject", "failed"),
        ("2013-07-02", "Approve", "success"),
    ):
        path = f"/dags/{DEAR}/dagRuns"
        created = laptop.post(path, logical_date=None, conf={"partition": day})
        run_id = created.raise_for_status().json()["dag_run_id"]
        if answer:
            until(lambda run=run_id: asks(laptop, run), "the run asks")
            detail = laptop.api.client.get(f"/dags/{DEAR}/dagRuns/{run_id}/hitlDetails")
            (asked,) = detail.raise_for_status().json()["hitl_details"]
            assert "expected to cost" in asked["subject"]
            until(lambda run=run_id, word=answer: is_decided(laptop, run, word), "it is over")
        assert laptop.finished(DEAR, run_id) == expected
        if answer == "Reject":
            attempt = laptop.tries(DEAR, run_id, "plan")
            log = laptop.log_of(DEAR, run_id, "plan", attempt)
            assert "A person has rejected the cost" in log
