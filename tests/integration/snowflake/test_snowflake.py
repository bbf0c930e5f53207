"""Unload, extract and load as the tasks do, through a connection of Airflow's, on the stand-in."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from batch_transform.following import statement_trigger
from batch_transform.following.statement_trigger import StatementTrigger
from batch_transform.open_engine import EnginePlace, open_statements
from batch_transform.open_warehouse import open_warehouse
from batch_transform.operators import extract as extract_module
from batch_transform.operators import unload as unload_module
from batch_transform.operators.extract import ExtractOperator
from batch_transform.operators.unload import UnloadOperator
from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import S3Uri, statements_of
from batch_transform.scoring.pipeline import SnowflakePlace, Target
from batch_transform.scoring.warehouse.stage import Stage
from tests.contract.warehouse.loads import FIRST, replace
from tests.snowflake import Snowflake

BUCKET = "snowflake-bucket"
ROWS = [(number, number / 8) for number in range(1, 6)]


@pytest.fixture
def s3(sagemaker_local_server, monkeypatch):
    extra = {"endpoint_url": sagemaker_local_server.endpoint_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def snowflake(s3, monkeypatch):
    """An account with five apples, to which Airflow's connection leads."""
    with Snowflake.serving(s3) as account:
        account.run(f"CREATE STAGE runs URL = 's3://{BUCKET}/runs/'")
        account.run("CREATE TABLE apples (apple_id NUMBER(38, 0), weight FLOAT, colour VARCHAR)")
        for number, weight in ROWS:
            account.run("INSERT INTO apples VALUES (%s, %s, 'red')", (number, weight))
        fields = dict(account.parameters)
        connection = {
            "conn_type": "snowflake",
            "login": fields.pop("user"),
            "password": fields.pop("password"),
            "extra": {**fields, "database": "ANALYTICS", "warehouse": "LOADING"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_MART", json.dumps(connection))
        yield account


@pytest.fixture
def work(make_pipeline, partition, snowflake, monkeypatch):
    for module in (unload_module, extract_module):
        monkeypatch.setattr(module, "partition_of", lambda *_: partition)
    source = {"conn_id": "mart", "unload": {"stage": "runs"}}
    pipeline = make_pipeline(source=source, extract={"slices": 2})
    query = "SELECT * FROM apples WHERE :partition IS NOT NULL"
    deployment = Deployment(root=S3Uri(BUCKET, "runs"), poll_seconds=1, deferrable=False)
    return {"pipeline": pipeline.model_copy(update={"query": query}), "deployment": deployment}


def context_of(attempt):
    ti = SimpleNamespace(id=attempt, dag_id="apples", task_id="unload", run_id="nightly")
    asked = {"partition": ""}
    return {"ti": ti, "params": asked, "dag": SimpleNamespace(params=asked)}


def test_slices_read_what_one_statement_has_unloaded(s3, work):
    left = UnloadOperator(task_id="unload", **work).execute(context_of("unload"))
    assert left["rows"] == 5
    lines, store = [], S3Objects(s3)
    for number in range(2):
        task = ExtractOperator(
            task_id="extract", slice_number=number, unloaded=left["unloaded"], **work
        )
        made = task.execute(context_of(f"slice-{number}"))
        index = ExtractIndex.from_json(store.get(S3Uri.parse(made["index"])))
        where = S3Uri.parse(made["index"].removesuffix("/index.json"))
        lines.append(b"".join(store.get(where / shard.name) for shard in index.shards))
    assert lines == [b"2,0.25,red\n4,0.5,red\n", b"1,0.125,red\n3,0.375,red\n5,0.625,red\n"]


def test_the_triggerer_and_the_janitor_stop_a_statement(work, monkeypatch):
    slow = "SELECT * FROM apples WHERE SYSTEM$WAIT(60) IS NULL AND :partition IS NOT NULL"
    work["pipeline"] = work["pipeline"].model_copy(update={"query": slow})
    place = EnginePlace.of(work["pipeline"], work["deployment"])
    monkeypatch.setattr(statement_trigger, "pause", lambda *_: 0.05)
    monkeypatch.setattr(statement_trigger, "_SHORTEST_SECONDS", 0)

    def begun(attempt):
        task = UnloadOperator(task_id="unload", **work)
        monkeypatch.setattr(task, "_follow", lambda *_, **__: {})
        task.execute(context_of(attempt))
        return StatementTrigger(place.as_json(), task.handle, 1.0, seconds_left=60.0)

    async def seen(trigger):
        return [event.payload["why"] async for event in trigger.run()]

    trigger = begun("first")
    asyncio.run(trigger.on_kill())
    (why,) = asyncio.run(seen(trigger))
    assert "was stopped by somebody" in why

    trigger = begun("second")
    statements = open_statements("snowflake", "mart")
    ((statement, name),) = statements.running_from(statements_of(str(work["deployment"].root)))
    assert name.endswith("/apples/unload/nightly")
    statements.cancel(statement)
    (why,) = asyncio.run(seen(trigger))
    assert "was stopped by somebody" in why


def test_a_target_is_loaded_by_its_connection(s3, snowflake):
    snowflake.run("CREATE SCHEMA predictions")
    target = Target(
        conn_id="mart",
        table="predictions.scores",
        partition_column="day",
        snowflake=SnowflakePlace(stage="public.runs"),
    )
    stage = Stage(objects=S3Objects(s3), prefix=S3Uri(BUCKET, "runs/attempt/rows"))
    with open_warehouse(target, stage) as warehouse:
        assert replace(warehouse, target, FIRST, ROWS).changed
    with open_warehouse(target) as warehouse:
        assert warehouse.in_force(target, FIRST).rows == 5
    found = snowflake.run("SELECT day, apple_id, score FROM predictions.scores ORDER BY apple_id")
    assert found == [(FIRST, *row) for row in ROWS]
