"""The pages in Airflow's own API server: how long they take, and what memory they cost it."""

import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import median

import boto3
import httpx
import psutil
import psycopg
from psycopg.types.json import Json

from local.airflow import USER, Airflow, AirflowSettings, choose_port
from local.airflow_api import AirflowApi
from local.postgres import start_postgres
from local.processes import Command, Processes
from tests.bench.row import Row

PROJECT = Path(__file__).parents[2]
FLIGHTS, TABLE, RUN = "flight_delay", "predictions.flight_delay", "of_1000_shards"
SHARDS, RUNS = 1_000, 5_000
CALLS = 40
MOST_MS, MOST_MB = 300, 60
LAST_DAY = date(2013, 6, 4)
SECRETS = {"login": "bench", "password": "bench"}


def run():
    """A finished run's page is read; the others are made of what lies in S3."""
    took = _measured()
    return [_milliseconds(name, took[name]) for name in ("finished-run", "failed-run")]


def lists():
    took = _measured()
    return [_milliseconds(name, took[name]) for name in ("pipelines", "partitions")]


def memory():
    grown = _measured()["memory"] / 1e6
    ratio = grown / MOST_MB
    yield Row(
        name="pages-memory", ours=grown, floor=0.0, unit="MB", ratio=ratio,
        target=f"< {MOST_MB} MB in the API server", holds=ratio < 1,
    )  # fmt: skip


BENCHES = {"pages-run": run, "pages-lists": lists, "pages-memory": memory}


def _milliseconds(name, seconds):
    took = median(seconds) * 1e3
    return Row(
        name=f"pages-{name}", ours=took, unit="ms", ratio=took / MOST_MS,
        target=f"< {MOST_MS} ms at the median of {CALLS}", holds=took < MOST_MS,
    )  # fmt: skip


@cache
def _measured():
    """Seconds of each call by page, and by how many bytes the server grew."""
    with _serving() as (server, url, api):
        pages = {
            "pipelines": "/",
            "partitions": f"/pipelines/{FLIGHTS}",
            "finished-run": f"/runs/{FLIGHTS}/{RUN}",
            "failed-run": f"/runs/{FLIGHTS}/failed_{RUN}",
        }
        client = httpx.Client(headers=api.client.headers, timeout=60)
        for _ in range(CALLS):  # what Airflow needs for its own pages is no growth of ours
            api.client.get(f"/dags/{FLIGHTS}/dagRuns", params={"limit": 50}).raise_for_status()
            api.client.get("/dags").raise_for_status()
        before = _memory(server)
        took = {name: [] for name in pages}
        for _ in range(CALLS):
            for name, path in pages.items():
                start = time.perf_counter()
                page = client.get(f"{url}/batch-transform{path}").raise_for_status()
                took[name].append(time.perf_counter() - start)
                assert "could not be read" not in page.text, page.text
        return {**took, "memory": _memory(server) - before}


def _memory(process):
    """Bytes of memory that a process and its children have for themselves."""
    return sum(each.memory_full_info().uss for each in (process, *process.children(recursive=True)))


@contextmanager
def _serving():
    """Airflow's API server, over databases and a bucket that are full of runs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        processes = Processes(folder)
        stack.callback(processes.stop)
        postgres = start_postgres(processes)
        for database in ("airflow", "warehouse"):
            postgres.create_database(database)
        aws_url = _aws(folder, processes)
        airflow = Airflow(_settings(folder, postgres, aws_url), postgres, processes)
        airflow.migrate().finish()
        airflow.run("airflow-reserialize", "dags", "reserialize").finish()
        server = airflow.run("airflow-api-server", "api-server")
        url = airflow.settings.url
        server.wait_until(lambda: _answers(url), 120)
        api = AirflowApi.log_in(url, USER, airflow.password)
        stack.callback(api.client.close)
        _fill_warehouse(postgres.dsn("warehouse"))
        _fill_airflow(postgres.dsn("airflow"), api, _fill_bucket(aws_url))
        yield psutil.Process(server.process.pid), url, api


def _aws(folder, processes):
    ready = folder / "aws.json"
    command = Command(
        name="aws",
        argv=[sys.executable, "-m", "sagemaker_local", "--port", "0", "--ready-file", str(ready)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        serves_others=True,
    )
    processes.start(command).wait_until(ready.exists, 60)
    return json.loads(ready.read_text())["endpoint_url"]


def _settings(folder, postgres, aws_url):
    extra = {"endpoint_url": aws_url, "region_name": "us-east-1"}
    return AirflowSettings(
        home=folder / "airflow",
        port=choose_port(None),
        connections={
            "aws_default": {"conn_type": "aws", **SECRETS, "extra": extra},
            "warehouse": postgres.airflow_connection("warehouse"),
        },
        variables={"BATCH_TRANSFORM_S3_URI": "s3://bench-bucket/runs"},
    )


def _answers(url):
    try:
        return httpx.get(f"{url}/api/v2/version", timeout=5).is_success
    except httpx.TransportError:
        return False


def _fill_warehouse(dsn):
    """Let the ledger have a load for each of the last days."""
    from batch_transform.scoring.pipeline import Target
    from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
    from tests.contract.warehouse.loads import a_load, stage_of

    target = Target(conn_id="warehouse", table=TABLE, partition_column="flight_date")
    rows = [(1, 0.5)]
    load = a_load(target, LAST_DAY, rows, pipeline=FLIGHTS)
    load = replace(load, entry=replace(load.entry, profile=_profile()))
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE SCHEMA predictions")
        connection.commit()
        with stage_of(load, rows) as staged:
            PostgresWarehouse(connection).replace(load, staged)
        ledger = "predictions.batch_transform_ledger"
        _multiply(connection, ledger, "true", load_id="load_id + n", partition="partition - n")


def _profile():
    from batch_transform.scoring.publish.profile import Profile

    bins = (10, 20, 30, 20, 10) * 4
    profile = Profile(nulls=0, mean=0.3, varies=True, bins=bins, low=0.0, high=1.0)
    return {"late_probability": profile.to_dict()}


def _fill_bucket(aws_url):
    """Leave what a run of many shards leaves; return the URIs of its index and report, and a job.

    The job has failed, as nothing listens where its model should be.
    """
    from batch_transform.scoring.aws.objects import S3Objects
    from batch_transform.scoring.jobs.service import SageMakerJobs
    from batch_transform.scoring.names import RunLayout, S3Uri
    from batch_transform.scoring.records.quarantine import Quarantined, to_json_lines
    from batch_transform.scoring.reports.keep import write
    from batch_transform.scoring.reports.left import Trail, read_left
    from batch_transform.scoring.reports.make import Known, report_of
    from batch_transform.scoring.testing import FakeAws
    from tests.factories import a_shard, an_entry, an_index

    clients = {name: _client(name, aws_url) for name in ("s3", "sagemaker")}
    clients["s3"].create_bucket(Bucket="bench-bucket")
    objects = S3Objects(clients["s3"])
    layout = RunLayout.of(S3Uri("bench-bucket", "runs"), FLIGHTS, f"{LAST_DAY}", "first")
    shards = [a_shard(f"part-{number:05d}.csv") for number in range(SHARDS)]
    index = an_index(shards, pipeline=FLIGHTS, partition=LAST_DAY)
    objects.put(layout.index, index.to_json())
    bad = [
        Quarantined(id=(f"{n}",), shard="part-00000.csv", line=n, reason="bad", record="x" * 200)
        for n in range(1, 1_001)
    ]
    objects.put(layout.quarantine / "records.jsonl", to_json_lines(bad))
    job = _run_job(clients["sagemaker"], objects, layout)
    aws = FakeAws(objects=objects, jobs=SageMakerJobs(clients["sagemaker"]))
    left = read_left(Trail(index=str(layout.index), job_names=(job,)), aws)
    entries = [an_entry(LAST_DAY - timedelta(days=n), profile=_profile()) for n in range(8)]
    known = Known(
        pipeline=FLIGHTS, table=TABLE, dag_id=FLIGHTS, run_id=RUN, state="success",
        now=datetime.now(UTC), entry=replace(entries[0], quarantined=len(bad)), history=entries[1:],
    )  # fmt: skip
    kept = write(report_of(known, left), layout.attempt_root / "report" / "first", objects)
    return {"index": str(layout.index), "report": kept.places["report"], "job_name": job}


def _client(name, aws_url):
    secrets = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench"}
    return boto3.client(name, endpoint_url=aws_url, region_name="us-east-1", **secrets)


def _run_job(client, objects, layout):
    name = "flight-delay-2013-06-04-0123456789ab"
    objects.put(layout.attempt_root / "one.csv", b"1,6\n")
    client.create_model(
        ModelName="gone",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/bench",
        PrimaryContainer={"Image": "http://127.0.0.1:9"},
    )
    source = {"S3DataType": "S3Prefix", "S3Uri": str(layout.attempt_root / "one.csv")}
    client.create_transform_job(
        TransformJobName=name,
        ModelName="gone",
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": str(layout.attempt_root / "output")},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    return name


def _fill_airflow(dsn, api, left):
    """Let Airflow have a run of each kind, and the first of them many times."""
    handed_on = {"extract/index": left["index"], "transform/job_name": left["job_name"]}
    summary = {"partition": f"{LAST_DAY}", "rows": 10, "means": {"late_probability": 0.3}}
    reported = {"report/report": left["report"], "report/return_value": summary}
    with psycopg.connect(dsn) as connection:
        first = _add_run(connection, api, RUN, "success", {**handed_on, **reported})
        _add_run(connection, api, f"failed_{RUN}", "failed", handed_on)
        its = f"run_id = '{RUN}'"
        new = "run_id || '_' || n"
        _multiply(connection, "dag_run", its, id=f"{first} + 10 + n", run_id=new,
                  run_after="run_after - n * interval '1 minute'")  # fmt: skip
        _multiply(connection, "task_instance", its, id="gen_random_uuid()", run_id=new)
        _multiply(connection, "xcom", its, dag_run_id=f"{first} + 10 + n", run_id=new)


def _add_run(connection, api, run_id, state, xcoms):
    asked = {"dag_run_id": run_id, "logical_date": None, "conf": {"partition": f"{LAST_DAY}"}}
    api.client.post(f"/dags/{FLIGHTS}/dagRuns", json=asked).raise_for_status()
    of_run = "WHERE run_id = %(run_id)s"
    values = {"run_id": run_id, "state": state}
    (number,) = connection.execute(
        f"UPDATE dag_run SET state = %(state)s {of_run} RETURNING id", values
    ).fetchone()
    connection.execute(
        f"UPDATE task_instance SET state = %(state)s, try_number = 1, start_date = now(),"
        f" end_date = now() + interval '9 s', duration = 9 {of_run}",
        values,
    )
    for name, value in xcoms.items():
        task_id, _, key = name.partition("/")
        connection.execute(
            "INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value,"
            " timestamp) VALUES (%s, %s, -1, %s, %s, %s, %s, now())",
            (number, task_id, key, FLIGHTS, run_id, Json(value)),
        )
    return number


def _multiply(connection, table, which, **changed):
    """Put copies of a table's rows beside them; ``n`` is a copy's number."""
    changes = ", ".join(f"'{name}', {value}" for name, value in changed.items())
    connection.execute(
        f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"
        f" SELECT (jsonb_populate_record(original, jsonb_build_object({changes}))).*"
        f" FROM {table} AS original, generate_series(1, {RUNS}) AS n WHERE {which}"
    )
    connection.execute(f"ANALYZE {table}")
