"""A whole stack, shared by the tests of this folder: real Airflow on real PostgreSQL."""

import json
import shutil
import tempfile
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import boto3
import psycopg
import pytest

from local.airflow import choose_port
from local.errors import LocalError
from local.stack import PIPELINES, REGION, StackSettings, running_stack
from sagemaker_local.container import ModelHandler, listening

RUN_SECONDS = 300
DAGS = Path(__file__).parents[2] / "dags"
FLIGHTS = "flight_delay"
MODEL = "flight-delay"
SLICED = "sliced_flights"
PICKY = "picky_flights"
UNLOADED = "unloaded_flights"
SHARED = "shared_flights"
UNLOADING = {
    "conn_id: warehouse\n  sql: features.sql": "conn_id: aws_default\n  sql: features.sql\n"
    "  unload: {workgroup: laptop, database: warehouse}"
}
IN_PARTS = "extract: {slices: 4}\nload: {groups: 3}\nlimits: "
STRICT = "strict_flights"
DEAR = "dear_flights"
GAPS = "gaps_flights"
YEAR = "year_flights"
WARNS = {"limits: ": "checks: {empty: {level: warn}}\nlimits: "}
EMPTY = date(2013, 9, 10), date(2013, 11, 11)  # have none of the flights with gaps
GAPS_SQL = f"""AND mod(flights.flight_id, 20) = 0
    AND :partition NOT IN (date '{EMPTY[0]}', date '{EMPTY[1]}')
    AND coalesce((SELECT CAST(why AS integer) FROM source.faults WHERE day = :partition), 0) = 0
ORDER BY"""
POOL = {"name": "transform-ml.m5.large", "slots": 14, "include_deferred": True}


class Quick(ModelHandler):
    """Predicts from a record's bytes alone, mostly little, and is there at once."""

    def answer(self, body):
        return b"".join(
            b"%.6f\n" % (0.66 * (zlib.crc32(line) / 2**32) ** 3) for line in body.splitlines()
        )


def sagemaker(aws_url):
    """Return a client of the local AWS."""
    return boto3.client(
        "sagemaker",
        endpoint_url=aws_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@contextmanager
def model_of(aws_url, name, container):
    """Give a model another container for a while; yield the one that it had."""
    client = sagemaker(aws_url)
    before = client.describe_model(ModelName=name)

    def replace(container):
        client.delete_model(ModelName=name)
        role = before["ExecutionRoleArn"]
        client.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)

    replace(container)
    yield before["PrimaryContainer"]
    replace(before["PrimaryContainer"])


class Laptop:
    """What a person does on a running stack."""

    def __init__(self, stack):
        self.stack = stack
        self.api = stack.api

    def finished(self, dag_id, run_id):
        """Wait for a run to end and return its state."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            self.stack.processes.check()
            state = self.state(dag_id, run_id)
            if state in ("success", "failed"):
                return state
            time.sleep(0.5)  # polling a server that offers nothing to wait on
        raise LocalError(f"{run_id} of {dag_id} did not finish; see {self.stack.processes.logs}")

    def state(self, dag_id, run_id):
        """Return the state of a run, from Airflow's database: that is asked often."""
        with psycopg.connect(self.stack.postgres.dsn("airflow")) as metadata:
            query = "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s"
            (state,) = metadata.execute(query, (dag_id, run_id)).fetchone()
            return state

    def post(self, path, **body):
        return self.api.client.post(path, json=body)

    def trigger(self, dag_id, logical_date=None, **conf):
        """Trigger a run and wait for it; return its id and state."""
        body = {"logical_date": logical_date, "conf": conf}
        run_id = (
            self.post(f"/dags/{dag_id}/dagRuns", **body).raise_for_status().json()["dag_run_id"]
        )
        return run_id, self.finished(dag_id, run_id)

    def log_of(self, dag_id, run_id, task_id, attempt=1):
        """Return what a task's first try has logged, as if no line were wrapped."""
        return " ".join(each["event"] for each in self.events_of(dag_id, run_id, task_id, attempt))

    def events_of(self, dag_id, run_id, task_id, attempt=1):
        """Return the lines of a task's first try, as Airflow's window gets them."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        asked = self.api.client.get(path, headers={"Accept": "application/x-ndjson"})
        return [json.loads(line) for line in asked.raise_for_status().text.splitlines()]

    def reparse(self):
        """Have the DAG files read again, sooner than by their interval.

        Airflow's API asks by DAG, and the file of what is wrong has none.
        """
        request = (
            "INSERT INTO dag_priority_parsing_request (id, bundle_name, relative_fileloc)"
            " VALUES (md5(%(file)s), 'dags-folder', %(file)s) ON CONFLICT DO NOTHING"
        )
        files = [{"file": file.name} for file in DAGS.glob("*.py")]
        with psycopg.connect(self.stack.postgres.dsn("airflow")) as metadata:
            metadata.cursor().executemany(request, files)

    def tries(self, dag_id, run_id, task_id):
        """Return how often a task was tried."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        return self.api.client.get(path).raise_for_status().json()["try_number"]

    def instances(self, dag_id, run_id):
        """Return the task instances of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return self.api.client.get(path).raise_for_status().json()["task_instances"]

    def states(self, dag_id, run_id):
        """Return the state of each task of a run."""
        return {task["task_id"]: task["state"] for task in self.instances(dag_id, run_id)}

    def links(self, dag_id, run_id, task_id):
        """Return the links of a task by name, those that lead somewhere."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        found = self.api.client.get(path).raise_for_status().json()["extra_links"]
        return {name: link for name, link in found.items() if link}

    def predictions(self, table, day):
        """Return all rows of a day of flights in a table, by their ids."""
        query = f"SELECT * FROM predictions.{table} WHERE flight_date = %s ORDER BY flight_id"
        with psycopg.connect(self.stack.postgres.dsn("warehouse")) as warehouse:
            return warehouse.execute(query, (day,)).fetchall()

    def rows(self, day: date):
        """Count the predictions of a day of flights, and sum them."""
        query = (
            "SELECT count(*), sum(late_probability) FROM predictions.flight_delay"
            " WHERE flight_date = %s"
        )
        with psycopg.connect(self.stack.postgres.dsn("warehouse")) as warehouse:
            return warehouse.execute(query, (day,)).fetchone()


@pytest.fixture(scope="package")
def laptop_folder():
    """A folder that no other run of pytest cleans up."""
    with tempfile.TemporaryDirectory(prefix="laptop-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="package")
def pipelines(laptop_folder):
    """The shipped pipelines; the flights' in parts, with picky models, dear, and with gaps."""
    folder = laptop_folder / "pipelines"
    shutil.copytree(PIPELINES, folder)
    for name, changes in (
        (SLICED, {"limits: ": "extract: {slices: 3}\nlimits: "}),
        (UNLOADED, {"limits: ": "extract: {slices: 3}\nlimits: ", **UNLOADING}),
        (SHARED, {"instance_count: 2": "instance_count: 1\n  jobs: 2", "limits: ": IN_PARTS}),
        (PICKY, {"{name: flight-delay}": "{name: picky}", "deadline: 6h": "bad_records: 1%"}),
        (STRICT, {"{name: flight-delay}": "{name: stern}"}),
        (DEAR, {"deadline: 6h": "cost: 0.000001, over_cost: ask"}),
        (GAPS, WARNS),
        (YEAR, {"start_date: 2013-06-01": "start_date: 2013-01-01", **WARNS}),
    ):
        shutil.copytree(PIPELINES / FLIGHTS, folder / name)
        settings = folder / name / "pipeline.yaml"
        text = settings.read_text().replace("predictions.flight_delay", f"predictions.{name}")
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        settings.write_text(text)
    for name in (GAPS, YEAR):
        query = folder / name / "features.sql"
        query.write_text(query.read_text().replace("ORDER BY", GAPS_SQL))
    return folder


@pytest.fixture(scope="package")
def stack(laptop_folder, pipelines):
    settings = StackSettings(
        name="e2e",
        port=choose_port(None),
        fresh=True,
        variables={
            "BATCH_TRANSFORM_PIPELINES": str(pipelines),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            # What a pipeline's file holds is read when a test asks for it: see `reparse`.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "2",
            "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "5",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
        },
        state=laptop_folder,
    )
    with running_stack(settings, print) as stack:
        yield stack


@pytest.fixture(scope="package")
def trained(stack):
    """The container of the demo's model of flights, which takes seconds to start: a quick one is
    in its place.
    """
    with (
        listening(Quick) as url,
        model_of(stack.aws_url, MODEL, {"Image": url}) as container,
    ):
        yield container


@pytest.fixture(scope="package")
def laptop(stack, trained):
    laptop = Laptop(stack)
    laptop.api.client.patch(f"/pools/{POOL['name']}", json=POOL).raise_for_status()
    return laptop


@dataclass(frozen=True)
class Scored:
    """A day that was scored by hand, and its run."""

    day: str
    run_id: str


@pytest.fixture(scope="package")
def scored(laptop):
    """Score a day once for all who look at what a run leaves."""
    day = "2013-06-20"
    run_id, state = laptop.trigger(FLIGHTS, partition=day)
    assert state == "success"
    return Scored(day, run_id)
