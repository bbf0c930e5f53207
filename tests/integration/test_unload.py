"""Unload and extract as the tasks do, through a connection of Airflow's, on the stand-in."""

import asyncio
import json
from types import SimpleNamespace

import psycopg
import pytest

from batch_transform.following import statement_trigger
from batch_transform.following.statement_trigger import StatementTrigger
from batch_transform.open_engine import EnginePlace, open_statements
from batch_transform.operators import extract as extract_module
from batch_transform.operators import unload as unload_module
from batch_transform.operators.extract import ExtractOperator
from batch_transform.operators.unload import UnloadOperator
from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import S3Uri, statements_of
from batch_transform.upkeep import janitor_dag

BUCKET = "unloads-bucket"
SLOW = "SELECT apples.* FROM apples, pg_sleep(60) WHERE :partition IS NOT NULL"


@pytest.fixture
def store(sagemaker_local_server, database, monkeypatch):
    """A real S3, a Redshift and an Athena with five apples; Airflow's connection leads there."""
    extra = {"endpoint_url": sagemaker_local_server.endpoint_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    for service in ("redshift", "athena"):
        sagemaker_local_server.control("PUT", service, {"dsn": database})
    with psycopg.connect(database, autocommit=True) as opened:
        opened.execute(
            "CREATE TABLE apples AS SELECT n AS apple_id, n / 8.0::float AS weight,"
            " 'red' AS colour FROM generate_series(1, 5) AS n"
        )
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield S3Objects(client)
    sagemaker_local_server.control("PUT", "athena", {"dsn": ""})
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(params=["redshift", "athena"])
def work(request, make_pipeline, partition, monkeypatch):
    unload = {"workgroup": "analytics", "database": "dev"}
    if request.param == "athena":
        unload["catalog"] = "AwsDataCatalog"
    pipeline = make_pipeline(
        source={"conn_id": "aws_default", "unload": unload}, extract={"slices": 2}
    )
    query = "SELECT * FROM apples WHERE :partition IS NOT NULL"
    deployment = Deployment(root=S3Uri(BUCKET, "runs"), poll_seconds=1, deferrable=False)
    for module in (unload_module, extract_module):
        monkeypatch.setattr(module, "partition_of", lambda *_: partition)
    return {
        "pipeline": pipeline.model_copy(update={"query": query}),
        "deployment": deployment,
    }


def context_of(attempt):
    ti = SimpleNamespace(id=attempt, dag_id="apples", task_id="unload", run_id="nightly")
    asked = {"partition": ""}
    return {"ti": ti, "params": asked, "dag": SimpleNamespace(params=asked)}


def test_slices_read_what_one_statement_has_unloaded(store, work):
    left = UnloadOperator(task_id="unload", **work).execute(context_of("unload"))
    assert left["rows"] == 5
    lines = []
    for number in range(2):
        task = ExtractOperator(
            task_id="extract", slice_number=number, unloaded=left["unloaded"], **work
        )
        made = task.execute(context_of(f"slice-{number}"))
        index = ExtractIndex.from_json(store.get(S3Uri.parse(made["index"])))
        where = S3Uri.parse(made["index"].removesuffix("/index.json"))
        lines.append(b"".join(store.get(where / shard.name) for shard in index.shards))
    assert lines == [b"2,0.25,red\n4,0.5,red\n", b"1,0.125,red\n3,0.375,red\n5,0.625,red\n"]


@pytest.fixture
def begun(work, monkeypatch):
    """A function that begins a statement, and leaves it to whoever follows it."""

    def begun(attempt, query):
        pipeline = work["pipeline"].model_copy(update={"query": query})
        task = UnloadOperator(task_id="unload", pipeline=pipeline, deployment=work["deployment"])
        monkeypatch.setattr(task, "_follow", lambda *_, **__: {})
        task.execute(context_of(attempt))
        return task

    return begun


@pytest.fixture
def followed(work, monkeypatch):
    """A function that returns the trigger of a statement, which looks without pauses."""
    monkeypatch.setattr(statement_trigger, "pause", lambda *_: 0.05)
    monkeypatch.setattr(statement_trigger, "_SHORTEST_SECONDS", 0)
    place = EnginePlace.of(work["pipeline"], work["deployment"]).as_json()
    return lambda task: StatementTrigger(place, task.handle, 1.0, seconds_left=60.0)


async def seen(trigger):
    """Return why the trigger of a statement wakes its task."""
    return [event.payload["why"] async for event in trigger.run()]


def test_the_triggerer_sees_a_statement_end_and_stops_one(store, work, begun, followed):
    ended = followed(begun("unload", work["pipeline"].query))
    assert asyncio.run(seen(ended)) == ["the statement has finished"]
    stopped = followed(begun("second", SLOW))
    asyncio.run(stopped.on_kill())
    (why,) = asyncio.run(seen(stopped))
    assert "was stopped by somebody" in why


def test_the_janitors_dag_knows_where_to_find_and_stop_a_statement(store, work, begun, followed):
    task = begun("unload", SLOW)
    dag = janitor_dag([work["pipeline"]], work["deployment"])
    (unloads_by,) = dag.task_dict["stop_orphans"].unload_by
    statements = open_statements(*unloads_by)
    ((statement, name),) = statements.running_from(statements_of(str(work["deployment"].root)))
    assert statement == json.loads(task.handle)["id"]
    assert name.endswith("/apples/unload/nightly")
    statements.cancel(statement)
    (why,) = asyncio.run(seen(followed(task)))
    assert "was stopped by somebody" in why
