"""A day that Snowflake unloads and loads itself: slices, a job, groups, and one that publishes."""

import json

import pytest

from tests.integration.by_hand.conftest import DAY, PEARS, write
from tests.snowflake import Snowflake

PLACE = {"stage": "public.runs"}
PLUMS = {
    **PEARS,
    "source": {"conn_id": "snow", "sql": "features.sql", "unload": PLACE},
    "shards": {"min_count": 2},
    "load": {"groups": 2},
    "model": {"name": "apples"},
    "target": {
        "conn_id": "snow",
        "table": "predictions.plums",
        "partition_column": "picked_on",
        "snowflake": PLACE,
    },
}
QUERY = "SELECT id, weight FROM source.plums WHERE picked_on = :partition"


@pytest.fixture
def plums(fruit, monkeypatch):
    """Plums, of which Snowflake has the table."""
    write(fruit.root, "plums", PLUMS, QUERY)
    root = fruit.deployment.root
    with Snowflake.serving(fruit.aws.client("s3")) as snowflake:
        snowflake.run(f"CREATE STAGE runs URL = 's3://{root.bucket}/{root.key}/'")
        snowflake.run("CREATE SCHEMA predictions")
        snowflake.run("CREATE SCHEMA source")
        snowflake.run("CREATE TABLE source.plums (id NUMBER(38, 0), weight FLOAT, picked_on DATE)")
        for number in range(8):
            weight = -1.0 if number == 7 else number / 8
            snowflake.run("INSERT INTO source.plums VALUES (%s, %s, %s)", (number, weight, DAY))
        connection = {"conn_type": "snowflake", "login": "me", "password": "secret"}
        monkeypatch.setenv(
            "AIRFLOW_CONN_SNOW", json.dumps({**connection, "extra": snowflake.parameters})
        )
        yield fruit, snowflake


def plums_in(snowflake):
    rows = snowflake.run("SELECT * FROM predictions.plums ORDER BY id")
    return rows, snowflake.run("SELECT id, reason FROM predictions.batch_transform_quarantine")


def test_a_day_goes_from_snowflake_to_snowflake_and_is_paid_once(plums):
    fruit, snowflake = plums
    left = fruit.walk("plums").go()
    assert left["unload"]["rows"] == 8
    assert [each["records"] for each in left["extract"]] == [4, 4]
    assert sum(each["rows"] for each in left["reconcile"]) == 7
    assert (left["publish"]["rows"], left["publish"]["changed"]) == (7, True)
    rows, quarantined = plums_in(snowflake)
    assert rows == [(DAY, number, 0.5) for number in range(7)]
    assert [identity for identity, _ in quarantined] == ['["7"]']

    again = fruit.walk("plums").go()
    assert again["transform"]["job_name"] == left["transform"]["job_name"]
    assert again["unload"]["unloaded"] != left["unload"]["unloaded"]
    assert again["publish"]["changed"] is False
    assert plums_in(snowflake) == (rows, quarantined)
