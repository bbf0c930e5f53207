"""A pipeline whose rows are unloaded by the stand-in for Redshift, through real Airflow."""

import boto3
import httpx
import pytest

from tests.e2e.conftest import SLICED, UNLOADED

pytestmark = pytest.mark.slow
DAY = "2013-06-13"


@pytest.fixture(scope="module")
def run(laptop):
    """A run of one day that was unloaded, and one of the same slices that was not."""
    dsn = laptop.stack.postgres.dsn("warehouse")
    httpx.put(f"{laptop.stack.aws_url}/_local/redshift", json={"dsn": dsn}).raise_for_status()
    read = laptop.post(f"/dags/{SLICED}/dagRuns", logical_date=None, conf={"partition": DAY})
    run_id, state = laptop.trigger(UNLOADED, partition=DAY)
    assert state == "success"
    assert laptop.finished(SLICED, read.raise_for_status().json()["dag_run_id"]) == "success"
    return run_id


def test_unloaded_rows_give_the_predictions_of_those_that_were_read(laptop, run):
    rows = laptop.predictions(UNLOADED, DAY)
    assert rows
    assert rows == laptop.predictions(SLICED, DAY)
    assert laptop.api.returned(UNLOADED, run, "unload")["rows"] >= len(rows)


def test_the_same_rows_in_other_files_start_no_second_job(laptop, run):
    first = laptop.api.returned(UNLOADED, run, "unload")
    again, state = laptop.trigger(UNLOADED, partition=DAY)
    assert state == "success"
    assert laptop.api.returned(UNLOADED, again, "unload")["unloaded"] != first["unloaded"]
    client = boto3.client(
        "sagemaker",
        endpoint_url=laptop.stack.aws_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    jobs = client.list_transform_jobs(NameContains="unloaded-flights")["TransformJobSummaries"]
    assert len(jobs) == 1
