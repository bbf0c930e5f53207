"""A pipeline whose extract is cut into slices, through real Airflow."""

import boto3
import psycopg
import pytest

from tests.e2e.conftest import SLICED

FLIGHTS = "flight_delay"
DAY = "2013-06-12"


@pytest.fixture(scope="module")
def run(laptop):
    """A run of one day in slices, and one without."""
    whole = laptop.post(f"/dags/{FLIGHTS}/dagRuns", logical_date=None, conf={"partition": DAY})
    run_id, state = laptop.trigger(SLICED, partition=DAY)
    assert state == "success"
    assert laptop.finished(FLIGHTS, whole.raise_for_status().json()["dag_run_id"]) == "success"
    return run_id


def predictions(laptop, table):
    query = f"SELECT * FROM predictions.{table} WHERE flight_date = %s ORDER BY flight_id"
    with psycopg.connect(laptop.stack.postgres.dsn("warehouse")) as warehouse:
        return warehouse.execute(query, (DAY,)).fetchall()


def tasks(laptop, run_id):
    path = f"/dags/{SLICED}/dagRuns/{run_id}/taskInstances"
    return laptop.api.client.get(path).raise_for_status().json()["task_instances"]


def test_slices_give_the_predictions_of_the_whole(laptop, run):
    rows = predictions(laptop, SLICED)
    assert rows == predictions(laptop, FLIGHTS)
    assert rows
    assert sorted(
        task["rendered_map_index"] for task in tasks(laptop, run) if task["task_id"] == "extract"
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
        for task in tasks(laptop, run)
        if task["task_id"] == "extract"
    }
    assert tries == {0: 1, 1: 2, 2: 1}
    second = laptop.api.returned(SLICED, run, "join_slices")
    assert second["records"] == first["records"]
    assert second["index"] != first["index"], "each attempt has a prefix of its own"
    client = boto3.client(
        "sagemaker",
        endpoint_url=laptop.stack.aws_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert (
        len(client.list_transform_jobs(NameContains="sliced-flights")["TransformJobSummaries"]) == 1
    )
