"""A day that Redshift unloads and loads itself: slices, a job, groups, and one that publishes."""

import psycopg
import pytest

from tests.integration.by_hand.conftest import DAY, PEARS, write

PLACE = {"workgroup": "analytics", "database": "dev"}
PLUMS = {
    **PEARS,
    "source": {"conn_id": "mart", "sql": "features.sql", "unload": PLACE},
    "shards": {"min_count": 2},
    "load": {"groups": 2},
    "model": {"name": "apples"},
    "target": {
        "conn_id": "mart",
        "table": "predictions.plums",
        "partition_column": "picked_on",
        "redshift": PLACE,
    },
}
QUERY = "SELECT id::bigint AS id, weight FROM source.pears WHERE picked_on = :partition"


@pytest.fixture
def plums(fruit, database):
    """Plums, of which Redshift has the table."""
    write(fruit.root, "plums", PLUMS, QUERY)
    fruit.aws.control("PUT", "redshift", {"dsn": database})
    return fruit


def plums_in(database):
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT * FROM predictions.plums ORDER BY id").fetchall()
        query = "SELECT id, reason FROM predictions.batch_transform_quarantine"
        return rows, connection.execute(query).fetchall()


def test_a_day_goes_from_redshift_to_redshift_and_is_paid_once(plums, database):
    left = plums.walk("plums").go()
    assert left["unload"]["rows"] == 8
    assert [each["records"] for each in left["extract"]] == [4, 4]
    assert sum(each["rows"] for each in left["reconcile"]) == 7
    assert (left["publish"]["rows"], left["publish"]["changed"]) == (7, True)
    rows, quarantined = plums_in(database)
    assert rows == [(DAY, number, 0.5) for number in (0, 1, 2, 3, 4, 5, 6)]
    assert [identity for identity, _ in quarantined] == ['["7"]']
    assert left["report"]["rows"] == 7

    again = plums.walk("plums").go()
    assert again["transform"]["job_name"] == left["transform"]["job_name"]
    assert again["unload"]["unloaded"] != left["unload"]["unloaded"]
    assert again["publish"]["changed"] is False
    assert plums_in(database) == (rows, quarantined)
