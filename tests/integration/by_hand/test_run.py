"""A day scored from a shell, with ``batch-transform plan`` and ``run``."""

import json
import sys

import psycopg

from tests.integration.by_hand.conftest import CONTAINER, DAY, ROLE


def rows(database):
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT to_regclass('predictions.pears')").fetchone()[0]
        if found is None:
            return None
        return connection.execute("SELECT count(*) FROM predictions.pears").fetchone()[0]


def jobs(fruit):
    found = fruit.aws.client("sagemaker").list_transform_jobs(NameContains="pears", MaxResults=100)
    return {each["TransformJobName"] for each in found["TransformJobSummaries"]}


def test_a_day_is_planned_tried_and_published(fruit, command, database):
    before = jobs(fruit)
    planned = command("plan", "pears", DAY, "--json")
    assert (planned.exit_code, jobs(fruit)) == (0, before), planned.stderr
    assert json.loads(planned.stdout)["plan"]["source"]["rows"] is not None
    assert "plan: Partition 2013-06-01" in planned.stderr

    tried = command("run", "pears", DAY, "--limit", "3", "--json")
    assert tried.exit_code == 0, tried.stderr
    left = json.loads(tried.stdout)
    assert (left["load"]["rows"], left["load"]["published"], rows(database)) == (3, False, None)
    assert len(jobs(fruit)) == len(before) + 1

    published = command("run", "pears", DAY, "--publish")
    assert published.exit_code == 0, published.stderr
    assert "rows        7, published" in published.stdout
    assert "quarantined 1 records" in published.stdout
    assert rows(database) == 7
    assert "extract: Wrote " in published.stderr
    assert "credentials retrieved" not in published.stderr, "only what our tasks say"

    told = command("report", "pears", DAY)
    assert told.exit_code == 0, told.stderr
    assert "predictions 7 rows, 1 records quarantined" in told.stdout

    paid = jobs(fruit)
    again = command("run", "pears", DAY, "--publish")
    assert "which the partition held already" in again.stdout
    assert jobs(fruit) == paid, "paid twice"


def test_errors_are_those_of_the_ui(command):
    early = command("run", "apples", "2013-05-31")
    assert (early.exit_code, early.stdout) == (4, "")
    assert "error: Partition 2013-05-31 is before the first" in early.stderr
    unknown = command("run", "apples", DAY, "--param", "instancetype=ml.m5.large")
    assert unknown.exit_code == 3
    assert "did you mean instance_type?" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    assert command("run", "apples", DAY, "--param", "cost_cap").exit_code == 3
    assert command("report", "apples", "2013-06-30").exit_code == 4


def test_who_waits_for_a_job_sees_what_its_container_says(fruit, command, monkeypatch, tmp_path):
    monkeypatch.setattr("batch_transform.following.job_task._AT_FIRST_SECONDS", 0)
    monkeypatch.setenv("BATCH_TRANSFORM_POLL_SECONDS", "1")
    program = tmp_path / "talkative.py"
    program.write_text("print('my model is loaded', flush=True)\n" + CONTAINER)
    fruit.aws.containers.register("talkative:1", [sys.executable, program])
    fruit.aws.client("sagemaker").create_model(
        ModelName="talkative", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "talkative:1"}
    )
    fruit.aws.faults.slow_container(3)
    ran = command("run", "apples", DAY, "--param", "model=talkative")
    assert ran.exit_code == 0, ran.stderr
    assert ran.stderr.count("transform:   my model is loaded\n") == 1


def test_a_run_may_lie_below_a_prefix_of_any_characters(fruit, command, monkeypatch):
    root = "näch +%41/'\"\\ ?a=b&c#d/\N{GREEN APPLE}"
    monkeypatch.setenv("BATCH_TRANSFORM_S3_URI", f"s3://runs/{root}")
    ran = command("run", "apples", DAY, "--publish", "--param", "force_rerun=true", "--json")
    assert ran.exit_code == 0, ran.stderr
    left = json.loads(ran.stdout)
    assert (left["load"]["rows"], left["load"]["quarantined"]) == (7, 1)
    assert left["load"]["loaded"].startswith(f"s3://runs/{root}/apples/")
