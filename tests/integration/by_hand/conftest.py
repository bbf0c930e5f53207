"""A deployment of two pipelines on a local AWS, whose runs are made by hand."""

import json
import os
import sys
from dataclasses import replace
from datetime import date

import psycopg
import pytest
import structlog
import yaml
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from batch_transform.by_hand.stand_in import Run
from batch_transform.by_hand.walk import Walk
from batch_transform.cli.program import command_line
from batch_transform.dag import scoring_dag
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.pipelines import read_pipeline
from tests.iam import ACCOUNT, REGION

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


@pytest.fixture(autouse=True)
def log_of_its_own():
    """A command decides what its process logs; here other tests are of this process, too."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def aws(tmp_path_factory, sagemaker_local_of_module):
    aws = sagemaker_local_of_module
    program = tmp_path_factory.mktemp("container") / "model.py"
    program.write_text(CONTAINER)
    aws.containers.register("fruit:1", [sys.executable, program])
    for bucket in ("runs", "lake", "mart"):
        aws.client("s3").create_bucket(Bucket=bucket)
    make_models(aws.client("sagemaker"))
    return aws


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


@pytest.fixture
def command(fruit):
    """A function that runs a command as a shell would."""

    def command(*words):
        ran = CliRunner().invoke(command_line(), [*map(str, words), "--pipelines", str(fruit.root)])
        assert isinstance(ran.exception, SystemExit | None), ran.exception
        return ran

    return command
