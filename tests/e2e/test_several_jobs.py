"""A partition that is shared by two jobs and proven in three groups, through real Airflow."""

from collections import Counter

import pytest

from tests.e2e.conftest import FLIGHTS, SHARED
from tests.e2e.test_jobs import Jobs

pytestmark = pytest.mark.slow
OF_EACH_JOB = ("build_manifest", "transform", "wait", "recover")


@pytest.fixture(scope="module")
def run(laptop, scored):
    """A run of the day that one job has scored whole."""
    run_id, state = laptop.trigger(SHARED, partition=scored.day)
    assert state == "success"
    return run_id


def test_two_jobs_give_the_predictions_of_one(laptop, scored, run):
    rows = laptop.predictions(SHARED, scored.day)
    assert rows
    assert rows == laptop.predictions(FLIGHTS, scored.day)
    counted = Counter(each["task_id"] for each in laptop.instances(SHARED, run))
    assert {name: counted[name] for name in OF_EACH_JOB} == dict.fromkeys(OF_EACH_JOB, 2)
    assert counted["reconcile"] == 3
    assert len(Jobs(laptop).of(scored.day, "shared-flights")) == 2


def test_a_job_that_is_cleared_alone_is_attached_to_and_the_other_left_alone(laptop, scored, run):
    jobs = Jobs(laptop).of(scored.day, "shared-flights")
    laptop.post(
        f"/dags/{SHARED}/clearTaskInstances",
        dry_run=False,
        dag_run_id=run,
        task_ids=[["transform", 1]],
        include_downstream=True,
        only_failed=False,
        reset_dag_runs=True,
    ).raise_for_status()
    assert laptop.finished(SHARED, run) == "success"
    tries = {
        each["map_index"]: each["try_number"]
        for each in laptop.instances(SHARED, run)
        if each["task_id"] == "transform"
    }
    assert tries == {0: 1, 1: 2}
    assert Jobs(laptop).of(scored.day, "shared-flights") == jobs
