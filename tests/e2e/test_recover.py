"""A model that refuses some records, through real Airflow: each costs only itself."""

import os
import signal
import threading

import psycopg
import pytest

from sagemaker_local.container import ModelHandler, listening
from tests.e2e.conftest import PICKY
from tests.e2e.test_jobs import Jobs, until

DAY = "2013-06-13"
NAME = "picky-flights"


class Picky(ModelHandler):
    """Answers 0.25 for a flight; refuses flights to Hawaii while ``refuses`` is set."""

    refuses = threading.Event()

    def do_POST(self):  # noqa: N802  # named by http.server
        lines = self.body().splitlines()
        if self.refuses.is_set() and any(b",HNL," in line for line in lines):
            self.send(400, b"too far")
        else:
            self.send(200, b"0.25\n" * len(lines))


@pytest.fixture(scope="module")
def picky(laptop):
    """A container that listens already, and the model of it."""
    Picky.refuses.set()
    with listening(Picky) as url:
        Jobs(laptop).client.create_model(
            ModelName="picky",
            ExecutionRoleArn="arn:aws:iam::123456789012:role/picky",
            PrimaryContainer={"Image": url},
        )
        yield


def read(laptop, query):
    with psycopg.connect(laptop.stack.postgres.dsn("warehouse")) as warehouse:
        return warehouse.execute(query, {"day": DAY}).fetchall()


def loaded(laptop):
    query = f"SELECT flight_id FROM predictions.{PICKY} WHERE flight_date = %(day)s"
    return {flight for (flight,) in read(laptop, query)}


def flights(laptop, where):
    query = f"""
        SELECT flight_id FROM source.flights
        WHERE {where} AND (scheduled_departure AT TIME ZONE 'America/New_York')::date = %(day)s
    """
    return {flight for (flight,) in read(laptop, query)}


def task(laptop, run_id, task_id):
    path = f"/dags/{PICKY}/dagRuns/{run_id}/taskInstances/{task_id}"
    return laptop.api.client.get(path).raise_for_status().json()


def killed_in_the_first_round(laptop, jobs):
    """Start a run whose worker is killed while it follows the first round's job."""
    started = laptop.post(f"/dags/{PICKY}/dagRuns", logical_date=None, conf={"partition": DAY})
    run_id = started.raise_for_status().json()["dag_run_id"]
    until(lambda: task(laptop, run_id, "transform")["state"] == "success", "a job is handed over")
    jobs.order("POST", "faults", fault="frozen")
    until(lambda: len(jobs.of(DAY, NAME)) == 2, "the first round has a job")
    os.kill(task(laptop, run_id, "recover")["pid"], signal.SIGKILL)
    until(
        lambda: task(laptop, run_id, "recover")["state"] == "up_for_retry",
        "Airflow notices the dead worker",
    )
    laptop.post(
        f"/dags/{PICKY}/clearTaskInstances",  # sooner than its retry
        dry_run=False,
        dag_run_id=run_id,
        task_ids=["recover"],
        only_failed=False,
        reset_dag_runs=True,
    ).raise_for_status()
    jobs.release(DAY, NAME)
    return run_id


def test_refused_records_are_quarantined_and_resubmitted_once_the_model_is_mended(laptop, picky):
    far, near = flights(laptop, "dest = 'HNL'"), flights(laptop, "dest <> 'HNL'")
    assert far
    run_id = killed_in_the_first_round(laptop, Jobs(laptop))
    assert laptop.finished(PICKY, run_id) == "success"
    assert loaded(laptop) == near
    jobs = Jobs(laptop).of(DAY, NAME)
    assert list(jobs.values()) == ["Failed"] * 3, "the first, single records, and once more"
    kept = read(
        laptop,
        "SELECT id[1]::bigint, status, reason, attempt FROM predictions.batch_transform_quarantine"
        " WHERE partition = %(day)s",
    )
    assert sorted(kept) == [(flight, "400", "too far", run_id) for flight in sorted(far)]

    Picky.refuses.clear()
    again, state = laptop.trigger(PICKY, partition=DAY, resubmit=True)
    assert state == "success"
    assert laptop.api.returned(PICKY, again, "extract")["records"] == len(far)
    assert loaded(laptop) == near | far
    ledger = read(
        laptop,
        "SELECT source_rows, rows, quarantined, transform_jobs"
        f" FROM predictions.batch_transform_ledger WHERE target = 'predictions.{PICKY}'"
        " ORDER BY load_id",
    )
    total = len(near | far)
    assert ledger == [(total, len(near), len(far), 3), (total, total, 0, 4)]
