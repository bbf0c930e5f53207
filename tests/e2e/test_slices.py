"""A pipeline whose extract is cut into slices, through real Airflow."""

import pytest

from tests.e2e.conftest import FLIGHTS, SLICED, sagemaker


@pytest.fixture(scope="module")
def run(laptop, scored):
    """A run in slices of the day that was scored whole."""
    run_id, state = laptop.trigger(SLICED, partition=scored.day)
    assert state == "success"
    return run_id


def test_slices_give_the_predictions_of_the_whole(laptop, scored, run):
    rows = laptop.predictions(SLICED, scored.day)
    assert rows == laptop.predictions(FLIGHTS, scored.day)
    assert rows
    assert sorted(
        task["rendered_map_index"]
        for task in laptop.instances(SLICED, run)
        if task["task_id"] == "extract"
    ) == [f"ids that are {number} modulo 3" for number in range(3)]


def test_one_slice_alone_is_extracted_again_and_no_second_job_is_paid(laptop, run):
    first = laptop.api.returned(SLICED, run, "join_slices")
    laptop.post(
        f"/dags/{SLICED}/clearTaskInstances",
        dry_run=False,
        dag_run_id=run,
        task_ids=[["extract", 1]],
        include_downstream=True,
        only_failed=False,
        reset_dag_runs=True,
    ).raise_for_status()
    assert laptop.finished(SLICED, run) == "success"
    tries = {
        task["map_index"]: task["try_number"]
        for task in laptop.instances(SLICED, run)
        if task["task_id"] == "extract"
    }
    assert tries == {0: 1, 1: 2, 2: 1}
    second = laptop.api.returned(SLICED, run, "join_slices")
    assert second["records"] == first["records"]
    assert second["index"] != first["index"], "each attempt has a prefix of its own"
    jobs = sagemaker(laptop.stack.aws_url).list_transform_jobs(NameContains="sliced-flights")
    assert len(jobs["TransformJobSummaries"]) == 1
