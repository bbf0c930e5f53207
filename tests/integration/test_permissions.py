"""A pipeline's policies are what its runs ask of AWS: nothing refused, nothing spare."""

import json
import os
import re
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date

import psycopg
import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from batch_transform.by_hand.run import Run
from batch_transform.by_hand.walk import Walk
from batch_transform.cli.app import command_line
from batch_transform.connections import Aws
from batch_transform.dag import scoring_dag
from batch_transform.operators.janitor import StopOrphansOperator
from batch_transform.scoring.aws import upload
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipelines import read_pipeline
from sagemaker_local.testing import running
from tests.iam import ACCOUNT, REGION, Asked, allows, grants_of, recording

DAY = date(2013, 6, 1)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-1111-2222-333344445555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/scoring"
COMMON = {
    "description": "Scores fruit",
    "owner": "orchard",
    "schedule": {"at": "02:00", "timezone": "UTC"},
    "start_date": DAY,
    "record": {"format": "csv", "id": ["id"], "features": ["weight"]},
    "predictions": {"sweetness": {"at": -1, "type": "double"}},
    "limits": {"bad_records": 1},
}
APPLES = {
    **COMMON,
    "source": {
        "conn_id": "lake",
        "files": "s3://lake/apples/{{ partition }}/*.csv",
        "format": "csv",
    },
    "model": {"name": "apples"},
    "transform": {
        "instance_type": "ml.m5.large",
        "strategy": "MultiRecord",
        "kms_key": KEY,
        "volume_kms_key": KEY,
        "tags": {"team": "orchard"},
    },
    "target": {"conn_id": "mart", "table": "s3://mart/apples", "partition_column": "picked_on"},
}
PEARS = {
    **COMMON,
    "source": {"conn_id": "warehouse", "sql": "features.sql"},
    "extract": {"slices": 2},
    "model": {
        "package_group": "pears",
        "role": ROLE,
        "vpc": {"subnets": ["subnet-1"], "security_groups": ["sg-1"]},
    },
    "transform": {"instance_type": "ml.m5.large", "strategy": "MultiRecord"},
    "target": {
        "conn_id": "warehouse",
        "table": "predictions.pears",
        "partition_column": "picked_on",
    },
}
QUERY = "SELECT id, weight FROM source.pears WHERE picked_on = :partition"
# Scores a record, and refuses a request that has a negative weight.
CONTAINER = """
from sagemaker_local.container import ModelHandler, serve

class Model(ModelHandler):
    def do_POST(self):
        lines = self.body().splitlines()
        bad = any(line.rpartition(b",")[2].startswith(b"-") for line in lines)
        self.send(400 if bad else 200, b"bad" if bad else b"0.5\\n" * len(lines))

serve(Model)
"""


class World:
    """A deployment of two pipelines on a local AWS, without Airflow's scheduler."""

    def __init__(self, aws, root):
        self.aws, self.root = aws, root
        self.deployment = replace(Deployment.from_environ(os.environ), deferrable=False)

    def walk(self, name, **asked):
        dag = scoring_dag(read_pipeline(self.root / name), self.deployment)
        conf = {"partition": DAY.isoformat(), **asked}
        return Walk(run=Run(dag=dag, conf=conf), tell=lambda _: None)

    def iam(self, name, *flags):
        where = ("--account", ACCOUNT, "--region", REGION, "--pipelines", str(self.root))
        ran = CliRunner().invoke(command_line(), ["iam", name, *where, *flags, "--json"])
        assert ran.exit_code == 0, ran.output
        files = json.loads(ran.stdout)["files"]
        return {
            each: json.loads(text) if each.endswith(".json") else text
            for each, text in files.items()
        }


def write(root, name, settings, query=None):
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    if query:
        (folder / "features.sql").write_text(query)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    program = tmp_path_factory.mktemp("container") / "model.py"
    program.write_text(CONTAINER)
    with running(switches={"stop_grace_seconds": 0.5}) as aws:
        aws.containers.register("fruit:1", [sys.executable, program])
        for bucket in ("runs", "lake", "mart"):
            aws.client("s3").create_bucket(Bucket=bucket)
        make_models(aws.client("sagemaker"))
        yield aws


def make_models(sagemaker):
    """A model for apples, and a package group for pears."""
    sagemaker.create_model(
        ModelName="apples", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "fruit:1"}
    )
    sagemaker.create_model_package_group(ModelPackageGroupName="pears")
    sagemaker.create_model_package(
        ModelPackageGroupName="pears",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": "fruit:1"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )


def connection_to(database, role=None):
    """The Airflow connection of a database, as one of its roles."""
    parts = conninfo_to_dict(database)
    return {
        "conn_type": "postgres",
        "host": parts["host"],
        "login": role or parts["user"],
        "schema": parts["dbname"],
    }


@pytest.fixture
def world(aws, database, tmp_path, monkeypatch):
    extra = {"endpoint_url": aws.endpoint_url, "region_name": REGION}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    for name in ("AWS_DEFAULT", "LAKE", "MART"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    monkeypatch.setenv("BATCH_TRANSFORM_S3_URI", "s3://runs/nightly")
    monkeypatch.setattr("batch_transform.following.job_task._LOOK_SECONDS", 0.1)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection_to(database)))
    write(tmp_path, "apples", APPLES)
    write(tmp_path, "pears", PEARS, QUERY)
    yield World(aws, tmp_path)
    aws.faults.clear()


@pytest.fixture
def fruit(world, database):
    """Apples in files and pears in a table, one of which each model refuses."""
    weights = {n: -1 if n == 7 else n / 2 for n in range(8)}
    rows = "".join(f"{each},{weight}\n" for each, weight in weights.items())
    key = f"apples/{DAY}/part-1.csv"
    world.aws.client("s3").put_object(Bucket="lake", Key=key, Body=f"id,weight\n{rows}".encode())
    with psycopg.connect(database) as connection:
        connection.execute("CREATE SCHEMA source; CREATE SCHEMA predictions")
        connection.execute("CREATE TABLE source.pears (id int, weight float8, picked_on date)")
        for each in weights.items():
            connection.execute("INSERT INTO source.pears VALUES (%s, %s, %s)", (*each, DAY))
    return world


def by_connection(asked):
    """What is asked by each connection: those of the apples differ in the bucket."""
    found = {"aws_default": set(), "lake": set(), "mart": set()}
    for each in asked:
        bucket = each.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        found[bucket if bucket in found else "aws_default"].add(each)
    return found


def refused(policy, asked):
    return {each for each in asked if not any(allows(one, each) for one in policy["Statement"])}


def spare(policy, asked):
    return {
        (one["Sid"], one["Action"][0], one["Resource"][0])
        for one in grants_of(policy)
        if not any(allows(one, each) for each in asked)
    }


def stop_a_job(world, name, monkeypatch):
    """Press Ctrl-C while a job runs."""
    world.aws.faults.freeze()
    walk = world.walk(name, force_rerun=True)
    monkeypatch.setattr("batch_transform.following.job_task.time", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        walk.go()


class Interrupting:
    """The time, in which somebody presses Ctrl-C at the first pause."""

    monotonic = staticmethod(time.monotonic)

    def sleep(self, seconds):
        raise KeyboardInterrupt


def fail_an_upload(name):
    """Write more than a part of an object, and break off."""
    services = Aws("aws_default").encrypting(KEY if name == "apples" else None)
    with suppress(InterruptedError), services.objects.uploads() as uploads:
        shard = S3Uri("runs", f"nightly/{name}/{DAY}/x/input/part")
        uploads.open(shard).write(bytes(upload.PART_BYTES))
        raise InterruptedError


def sweep(world):
    task = StopOrphansOperator(task_id="stop_orphans", deployment=world.deployment)
    task.execute({})


def everything(world, name, monkeypatch):
    """A run in which all goes wrong that a run can mend, and what follows after one."""
    left = world.walk(name).go()
    assert (left["load"]["rows"], left["load"]["quarantined"]) == (7, 1)
    assert not world.walk(name).go()["load"]["changed"]
    with monkeypatch.context() as patched:
        stop_a_job(world, name, patched)
    fail_an_upload(name)
    sweep(world)


@pytest.mark.parametrize("name", ["apples", "pears"])
def test_the_roles_of_airflow(fruit, name, monkeypatch):
    with recording() as asked:
        everything(fruit, name, monkeypatch)
    made = fruit.iam(name)
    for conn_id, mine in by_connection(asked).items():
        policy = made.get(f"airflow-{conn_id}.json", {"Statement": []})
        assert refused(policy, mine) == set(), conn_id
        assert spare(policy, mine) == set(), conn_id


def test_the_execution_role_reads_shards_and_writes_outputs_and_no_more(fruit, monkeypatch):
    fruit.walk("apples").go()
    policy = fruit.iam("apples")["execution-role.json"]
    s3 = fruit.aws.client("s3")
    stored = [each["Key"] for each in s3.list_objects_v2(Bucket="runs")["Contents"]]
    mine = [key for key in stored if key.startswith("nightly/apples/")]
    asked = set()
    for key in mine:
        read = Asked("s3:GetObject", f"arn:aws:s3:::runs/{key}")
        written = Asked("s3:PutObject", f"arn:aws:s3:::runs/{key}")
        is_output = key.endswith(".out")
        if is_output:
            assert refused(policy, {written}) == set()
        assert (refused(policy, {read}) == set()) == ("/input/" in key or "manifest" in key), key
        assert (refused(policy, {written}) == set()) == is_output, key
        asked |= {read, written} - refused(policy, {read, written})
    for name in ("pears", "apples_too"):
        other = Asked("s3:GetObject", f"arn:aws:s3:::runs/nightly/{name}/{DAY}/x/input/part")
        assert refused(policy, {other}) == {other}
    unused = {(sid, resource) for sid, action, resource in spare(policy, asked) if sid in S3_SIDS}
    assert unused == {("ShardListings", "arn:aws:s3:::runs"), *ABORTED}


S3_SIDS = ("Shards", "ShardListings", "Outputs")
# A job whose instance breaks off an upload; nobody sees it from outside.
ABORTED = {("Outputs", "arn:aws:s3:::runs/nightly/apples/*/output/*")}


def test_a_login_with_the_grants_alone_scores_a_day(fruit, database, monkeypatch):
    role = "loader_of_pears"
    grants = fruit.iam("pears", "--database-role", role)["grants.sql"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        try:
            connection.execute(grants)
            own = json.dumps(connection_to(database, role))
            monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", own)
            assert fruit.walk("pears").go()["load"]["rows"] == 7
            given = re.findall(r"^-- (GRANT .*)", grants, re.MULTILINE)
            tables = ["pears", "batch_transform_ledger", "batch_transform_quarantine"]
            for table in tables:
                connection.execute(f"ALTER TABLE predictions.{table} OWNER TO CURRENT_USER")
            connection.execute(f"REVOKE CREATE ON SCHEMA predictions FROM {role}")
            connection.execute(";".join(given))
            connection.execute("DELETE FROM predictions.pears WHERE id = 1")
            assert fruit.walk("pears").go()["load"]["rows"] == 7
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
