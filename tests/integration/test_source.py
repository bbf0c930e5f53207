"""Reading from a real PostgreSQL through Airflow connections, as the extract task does."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from batch_transform.connections import postgres_connection, sql_engine
from batch_transform.open_source import open_source
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from batch_transform.scoring.sources.sql import SqlSource

# Everything a parameter could be mistaken for, too.
QUERY = """
-- :comment {{ comment }}
SELECT apple_id, CAST(weight AS numeric), colour
FROM apples
WHERE picked_at >= :partition_start AND picked_at < :partition_end
    AND ':text' <> E'\\':text' AND colour IS DISTINCT FROM $$:dollar$$
    AND (ARRAY[1, 2])[1:1] = '{1}'
ORDER BY colour;
"""


@pytest.fixture
def apples(connection):
    connection.execute(
        "CREATE TABLE apples (apple_id bigint, weight numeric, colour text, picked_at timestamptz)"
    )
    rows = [
        (1, Decimal("0.1000"), "red", datetime(2013, 5, 31, 23, 59, 59, 999999, UTC)),
        (9007199254740993, Decimal("0.1000"), "red", datetime(2013, 6, 1, 0, tzinfo=UTC)),
        (2, None, None, datetime(2013, 6, 1, 23, 59, 59, 999999, UTC)),
        (3, Decimal("0.1000"), "red", datetime(2013, 6, 2, 0, tzinfo=UTC)),
    ]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO apples VALUES (%s, %s, %s, %s)", rows)
    connection.commit()


@pytest.fixture
def airflow_connection(connection, monkeypatch):
    """The test's database as the Airflow connection ``warehouse``."""
    spec = {
        "conn_type": "postgres",
        "host": connection.info.host,
        "login": connection.info.user,
        "schema": connection.info.dbname,
        "extra": {"application_name": "extract"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(spec))


@pytest.fixture(params=["copy", "cursor", "reshape"])
def source(request, airflow_connection, make_pipeline, tmp_path):
    """The apples' source on each of its paths."""
    pipeline = make_pipeline().model_copy(update={"query": QUERY})
    if request.param == "cursor":
        with sql_engine("warehouse") as engine:
            yield SqlSource(engine, QUERY)
        return
    if request.param == "reshape":
        (tmp_path / "reshape.py").write_text("def reshape(frame):\n    return frame\n")
        pipeline = pipeline.model_copy(update={"reshape": tmp_path / "reshape.py"})
    with open_source(pipeline) as lent:
        assert isinstance(lent, CopySource)
        yield lent


@pytest.mark.usefixtures("apples")
def test_an_extract_takes_the_half_open_day_and_keeps_digits(
    make_pipeline, objects, layout, partition, source
):
    index = extract(make_pipeline(), partition, source, objects, layout)
    body = objects.get(layout.input / "part-00000.csv")
    assert body == b"2,,\n9007199254740993,0.1000,red\n"
    assert index.partition == date(2013, 6, 1)
    assert index.types == ("integer", "decimal", "text")


def rows_of(lines):
    return [line.split(b",")[0] for block in lines.blocks for line in block.splitlines()]


@pytest.mark.usefixtures("apples")
def test_the_extract_sees_one_snapshot_however_long_it_reads(
    connection, make_pipeline, partition, source
):
    count = 200_000  # more than the buffers between hold
    connection.execute(
        "INSERT INTO apples SELECT 10 + n, 1, 'green', '2013-06-01' FROM generate_series(1, %s) n",
        (count,),
    )
    connection.commit()
    lines = source.lines(partition, make_pipeline())
    with closing(lines.blocks) as blocks:
        first = next(blocks)
        connection.execute("DELETE FROM apples WHERE apple_id % 2 = 0")
        connection.execute("INSERT INTO apples VALUES (11000000, 1, 'new', '2013-06-01')")
        connection.commit()
        found = first + b"".join(blocks)
    assert found.count(b"\n") == count + 2
    assert b"new" not in found


@pytest.mark.usefixtures("apples")
def test_who_draws_no_more_ends_the_reading(connection, make_pipeline, partition, source):
    connection.execute(
        "INSERT INTO apples SELECT 10 + n, 1, 'green', '2013-06-01'"
        " FROM generate_series(1, 400000) n"
    )
    connection.commit()
    lines = source.lines(partition, make_pipeline())
    next(lines.blocks)
    lines.blocks.close()
    with psycopg.connect(connection.info.dsn, autocommit=True) as another:
        another.execute("SET lock_timeout = '5s'")
        another.execute("TRUNCATE apples")  # nobody reads it any more


def test_a_failing_query_leaves_nothing_open(
    airflow_connection, connection, make_pipeline, partition, source
):
    with pytest.raises(Exception, match="does not exist"):
        source.lines(partition, make_pipeline())
    if isinstance(source, SqlSource):
        assert source._engine.pool.checkedout() == 0


@pytest.mark.usefixtures("apples")
def test_the_contract_is_held_before_a_row_is_read(
    make_pipeline, objects, layout, partition, source
):
    pipeline = make_pipeline()
    index = extract(pipeline, partition, source, objects, layout)
    assert index.records == 2
    kinds = {"apple_id": "integer", "weight": "float", "colour": "text"}
    columns = [replace(column, kind=kinds[column.name]) for column in _columns(index)]
    objects.content.clear()
    with pytest.raises(Exception, match=r"\* weight float +weight (decimal|numeric)"):
        extract(
            pipeline.model_copy(update={"contract": tuple(columns)}),
            partition,
            source,
            objects,
            layout,
        )
    assert objects.content == {}


def _columns(index):
    from batch_transform.scoring.kinds import Column

    return [Column(name=name) for name in index.columns]


@pytest.mark.usefixtures("airflow_connection")
def test_the_warehouse_connection_is_lent_and_closed():
    with postgres_connection("warehouse") as lent:
        assert lent.execute("SELECT 1").fetchone() == (1,)
    assert lent.closed


@pytest.mark.usefixtures("airflow_connection")
def test_the_copying_connection_has_what_the_airflow_connection_says(make_pipeline):
    with open_source(make_pipeline()) as source, source._connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("extract",)
    assert source._connection.closed


def test_a_connection_of_another_kind_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_FILES", '{"conn_type": "aws"}')
    with (
        pytest.raises(ConfigurationError, match="'files' is not a SQL database"),
        sql_engine("files"),
    ):
        pass
    with (
        pytest.raises(ConfigurationError, match="'files' is not Postgres"),
        postgres_connection("files"),
    ):
        pass
