"""What sources say of a partition before it is read: PostgreSQL, other databases, and files."""

import gzip
import json
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import create_engine, text

from batch_transform.open_source import AskedSource, open_asked
from batch_transform.scoring.asked import Asked
from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.publish.quarantine_source import QuarantineSource
from batch_transform.scoring.sources.files.file_source import FileSource
from batch_transform.scoring.sources.sample import Sample
from batch_transform.scoring.sources.sql import SqlSource
from tests.unit.scoring.planning.test_effort import an_entry

QUERY = "SELECT apple_id, weight, colour FROM apples WHERE picked_on = :partition;"
EMPTY_DAY = Partition(day=date(2013, 6, 2), timezone="UTC")


@pytest.fixture
def orchard(connection, monkeypatch):
    """A thousand apples on the first day, none on the second, as the Airflow connection."""
    connection.execute(
        "CREATE TABLE apples AS SELECT id AS apple_id, 1 AS weight, 'red' AS colour,"
        " date '2013-06-01' + (id % 100 = 0)::integer * 30 AS picked_on"
        " FROM generate_series(1, 10000) AS id; ANALYZE apples"
    )
    connection.commit()
    spec = {
        "conn_type": "postgres",
        "host": connection.info.host,
        "login": connection.info.user,
        "schema": connection.info.dbname,
    }
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(spec))


@pytest.fixture
def lent(orchard, make_pipeline, objects, partition):
    """What a source says of a day, of a run that asks for something."""

    def lent(query=QUERY, day=partition, **params):
        pipeline = make_pipeline().model_copy(update={"query": query})
        run = AskedSource(asked=Asked.of(params), day=day.day, objects=objects)
        with open_asked(pipeline, run) as source:
            return source.expected(day, pipeline), source.is_there(day, pipeline)

    return lent


def test_postgresql_estimates_rows_and_knows_whether_there_is_one(lent):
    expected, is_there = lent()
    assert 9_800 < expected.rows < 10_000
    assert (expected.told_by, is_there) == ("EXPLAIN", True)
    assert lent(day=EMPTY_DAY)[1] is False
    bounded = QUERY.replace("= :partition", ">= :partition_start AND picked_on < :partition_end")
    assert lent(bounded)[1] is True


def test_a_sample_has_no_more_rows(lent):
    assert lent(sample=10)[0].rows == 10
    assert lent(sample=50_000)[0].rows < 10_000


def test_a_query_that_would_be_refused_is_refused_without_reading(lent):
    with pytest.raises(SourceError, match="no_such"):
        lent(QUERY.replace("weight", "no_such"))


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_other_databases_estimate_nothing_and_know_whether_there_is_a_row(
    engine, tmp_path, make_pipeline, partition
):
    opened = create_engine(f"{engine}:///{tmp_path / 'orchard'}")
    with opened.begin() as connection:
        connection.execute(text("CREATE TABLE apples (apple_id int, weight int, picked_on date)"))
        connection.execute(text("INSERT INTO apples VALUES (1, 1, '2013-06-01')"))
    source = SqlSource(opened, "SELECT apple_id, weight FROM apples WHERE picked_on = :partition")
    expected = source.expected(partition, make_pipeline())
    assert (expected.rows, expected.size) == (None, None)
    assert str(expected) == "an unknown number of rows (only PostgreSQL estimates them)"
    assert source.is_there(partition, make_pipeline())
    assert not source.is_there(EMPTY_DAY, make_pipeline())
    with pytest.raises(SourceError):
        SqlSource(opened, "SELECT no_such FROM apples WHERE picked_on = :partition").is_there(
            partition, make_pipeline()
        )
    opened.dispose()


def test_files_have_sizes(make_file_pipeline, objects, partition):
    pipeline = make_file_pipeline({"files": "s3://lake/{{ partition }}/*", "format": "csv"})
    bodies = [gzip.compress(b"apple_id\n1\n"), b"apple_id\n2\n"]
    for number, body in enumerate(bodies):
        objects.put(S3Uri("lake", f"2013-06-01/{number}.csv"), body)
    source = FileSource(objects)
    expected = source.expected(partition, pipeline)
    assert (expected.rows, expected.size) == (None, sum(map(len, bodies)))
    assert str(expected).endswith("bytes (the sizes of 2 files)")
    assert source.is_there(partition, pipeline)
    assert Sample(source, 5).expected(partition, pipeline).size is None
    assert not source.is_there(EMPTY_DAY, pipeline)
    with pytest.raises(SourceError, match="the data have not come"):
        source.expected(EMPTY_DAY, pipeline)


def test_how_long_files_are_waited_for_is_no_part_of_what_is_read(make_file_pipeline):
    source = {"files": "s3://lake/{{ partition }}/*", "format": "csv"}
    assert make_file_pipeline({**source, "wait": "2h"}).query == make_file_pipeline(source).query


def test_what_is_in_quarantine_is_counted(objects, make_pipeline, partition):
    entry = an_entry(quarantined=3, quarantine="s3://bucket/records.jsonl")
    kept = QuarantineSource(entry, objects)
    assert kept.expected(partition, make_pipeline()).rows == 3
    assert kept.is_there(partition, make_pipeline())
    for nothing in (None, replace(entry, quarantined=0, quarantine="")):
        assert QuarantineSource(nothing, objects).expected(partition, make_pipeline()).rows == 0
