"""A pipeline's policies are what its runs ask of AWS: nothing refused, nothing spare."""

import json
import re
import time
from contextlib import suppress

import psycopg
import pytest

from batch_transform.connections import Aws
from batch_transform.operators.janitor import StopOrphansOperator
from batch_transform.scoring.aws import upload
from batch_transform.scoring.names import S3Uri
from tests.iam import Asked, allows, grants_of, recording
from tests.integration.by_hand.conftest import DAY, KEY, connection_to


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
    again = world.walk(name).go()
    assert again["load"]["rows"] == 7
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
