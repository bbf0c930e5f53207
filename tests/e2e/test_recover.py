"""A model that refuses some records, through real Airflow: each costs only itself."""

import threading
from http.server import ThreadingHTTPServer

import psycopg
import pytest

from tests.contract.aws.programs import Echo
from tests.e2e.conftest import PICKY
from tests.e2e.test_jobs import Jobs

DAY = "2013-06-13"


class Picky(Echo):
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
    server = ThreadingHTTPServer(("127.0.0.1", 0), Picky)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    Jobs(laptop).client.create_model(
        ModelName="picky",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/picky",
        PrimaryContainer={"Image": f"http://127.0.0.1:{server.server_address[1]}"},
    )
    yield
    server.shutdown()
    thread.join()
    server.server_close()


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


def test_refused_records_are_quarantined_and_resubmitted_once_the_model_is_mended(laptop, picky):
    far, near = flights(laptop, "dest = 'HNL'"), flights(laptop, "dest <> 'HNL'")
    assert far
    run_id, state = laptop.trigger(PICKY, partition=DAY)
    assert state == "success"
    assert loaded(laptop) == near
    jobs = Jobs(laptop).of(DAY, "picky-flights")
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
