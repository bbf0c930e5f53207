"""Secrets and personal data, planted wherever a run meets them, are in nothing that it shows."""

import json
import sys

import psycopg
import pytest
from airflow.serialization.serialized_objects import DagSerialization

from batch_transform.dag import scoring_dag
from batch_transform.scoring.pipelines import read_pipeline
from tests.iam import REGION
from tests.integration.by_hand.conftest import DAY, PEARS, ROLE, connection_to, write

PERSON = "Persephone Quillfeather"
PASSWORD = "pw-7f3a9c51e2d84b06"
AWS_SECRET = "sk-5b1d7e9f3a2c4860"
TOKEN = "tk-0c8e6a4f2b9d7153"
OF_THE_MODEL = "mk-9e2f4c6a8b0d1357"
SECRETS = {PASSWORD, AWS_SECRET, TOKEN, OF_THE_MODEL}
QUERY = "SELECT id, name FROM source.people WHERE picked_on = :partition"
# Refuses the record of one id, in words of its own.
CONTAINER = """
from sagemaker_local.container import ModelHandler, serve

class Model(ModelHandler):
    def do_POST(self):
        lines = self.body().splitlines()
        bad = any(b"seventh" in line for line in lines)
        self.send(400 if bad else 200, b"no such thing" if bad else b"0.5\\n" * len(lines))

serve(Model)
"""


@pytest.fixture
def people(fruit, database, tmp_path, monkeypatch):
    """A table of people, a model that refuses one of them, and secrets wherever one can be."""
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE source.people (id int, name text, picked_on date)")
        for each in range(8):
            name = f"{PERSON} the seventh" if each == 7 else PERSON
            connection.execute("INSERT INTO source.people VALUES (%s, %s, %s)", (each, name, DAY))
    program = tmp_path / "people.py"
    program.write_text(CONTAINER)
    fruit.aws.containers.register("people:1", [sys.executable, program])
    container = {"Image": "people:1", "Environment": {"TOKEN": OF_THE_MODEL}}
    fruit.aws.client("sagemaker").create_model(
        ModelName="people", ExecutionRoleArn=ROLE, PrimaryContainer=container
    )
    transform = {**PEARS["transform"], "environment": {"API_TOKEN": TOKEN}}
    settings = {**PEARS, "model": {"name": "people"}, "transform": transform, "extract": {}}
    settings["record"] = {"format": "csv", "id": ["id"], "features": ["name"]}
    settings["target"] = {**PEARS["target"], "table": "predictions.people"}
    settings["limits"] = {"bad_records": 1}
    write(fruit.root, "people", settings, QUERY)
    warehouse = {**connection_to(database), "password": PASSWORD}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(warehouse))
    extra = {"endpoint_url": fruit.aws.endpoint_url, "region_name": REGION}
    aws = {"conn_type": "aws", "login": "test", "password": AWS_SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(aws))
    return fruit


def found_in(text, secrets):
    return {secret for secret in secrets if secret in text}


def test_a_run_shows_no_secret_and_no_person(people, command):
    planned = command("plan", "people", DAY, "--json")
    ran = command("run", "people", DAY, "--publish", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert json.loads(ran.stdout)["load"]["quarantined"] == 1, ran.stderr
    shown = {"plan": planned.output, "run": ran.output, "log": planned.stderr + ran.stderr}
    shown |= objects_beside_the_records(people)
    shown["tags"] = json.dumps(tags(people))
    assert len(shown) > 6
    for place, text in shown.items():
        sought = SECRETS if "/report/" in place else SECRETS | {PERSON}
        assert found_in(text, sought) == set(), place


def objects_beside_the_records(people):
    """What a run writes into the bucket, but for what keeps records: as the shards do."""
    s3 = people.aws.client("s3")
    listed = s3.list_objects_v2(Bucket="runs", Prefix="nightly/people/")["Contents"]
    keys = [each["Key"] for each in listed]
    records = ("/part-", "/quarantine/", "/coverage.json")
    plain = [key for key in keys if not any(each in key for each in records)]
    return {key: s3.get_object(Bucket="runs", Key=key)["Body"].read().decode() for key in plain}


def tags(people):
    sagemaker = people.aws.client("sagemaker")
    jobs = sagemaker.list_transform_jobs(NameContains="people")["TransformJobSummaries"]
    assert jobs
    return [sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"] for job in jobs]


def test_airflows_database_is_given_no_secret_with_a_dag(people):
    """A serialized DAG, and the templates that are rendered of its tasks."""
    dag = scoring_dag(read_pipeline(people.root / "people"), people.deployment)
    text = json.dumps(DagSerialization.to_dict(dag))
    assert "API_TOKEN" in text
    rendered = [str(getattr(task, name, "")) for task in dag.tasks for name in task.template_fields]
    assert found_in(text + "".join(rendered), SECRETS) == set()


def test_the_container_has_its_environment_all_the_same(people, command):
    assert command("run", "people", DAY).exit_code == 0
    sagemaker = people.aws.client("sagemaker")
    jobs = sagemaker.list_transform_jobs(NameContains="people")["TransformJobSummaries"]
    for job in jobs:
        described = sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
        assert described["Environment"] == {"API_TOKEN": TOKEN}


def test_errors_show_no_secret(people, command, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE",
        json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "password": PASSWORD}),
    )
    failed = command("run", "people", DAY)
    assert failed.exit_code == 6
    assert found_in(failed.output + failed.stderr, SECRETS) == set()
