"""What a query means on databases that are read through SQLAlchemy."""

import sqlite3
from datetime import date

import pytest
from sqlalchemy import create_engine, text

from batch_transform.scoring.errors import SourceError, Unreachable
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.sources.sql import SqlSource

BOUNDED = (
    "SELECT event_id, 1 AS one FROM events WHERE {0} >= :partition_start AND {0} < :partition_end"
)
BY_LABEL = "SELECT event_id, 1 AS one FROM events WHERE {0} = :partition"
ZONES = ["UTC", "America/New_York", "Asia/Tokyo"]


@pytest.fixture
def engine(request, tmp_path):
    engine = create_engine(f"{request.param}:///{tmp_path / 'warehouse'}")
    yield engine
    engine.dispose()


@pytest.fixture
def ids(engine, make_pipeline):
    """The ids that a query gives for 2013-06-01."""

    def ids(query, timezone="UTC"):
        record = {"id": ["event_id"], "features": ["one"]}
        partition = Partition(day=date(2013, 6, 1), timezone=timezone)
        lines = SqlSource(engine, query).lines(partition, make_pipeline(record=record))
        return [line.split(b",")[0].decode() for line in b"".join(lines.blocks).splitlines()]

    return ids


def fill(engine, kind, moments):
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE events (event_id text, moment {kind})"))
        rows = [{"moment": moment} for moment in moments]
        connection.execute(text("INSERT INTO events VALUES (:moment, :moment)"), rows)


sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
duckdb = pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
both = pytest.mark.parametrize("engine", ["sqlite", "duckdb"], indirect=True)


@both
@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("query", [BOUNDED, BY_LABEL])
def test_a_date_belongs_to_its_day(engine, ids, query, timezone):
    fill(engine, "date", ["2013-05-31", "2013-06-01", "2013-06-02"])
    assert ids(query.format("moment"), timezone) == ["2013-06-01"]


@both
@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("between", [" ", "T"])
def test_a_timestamp_without_zone_belongs_to_its_day(engine, ids, timezone, between):
    moments = [
        f"2013-05-31{between}23:59:59.999",
        f"2013-06-01{between}00:00:00",
        f"2013-06-01{between}23:59:59",
        f"2013-06-02{between}00:00:00",
    ]
    fill(engine, "timestamp", moments)
    assert ids(BOUNDED.format("moment"), timezone) == moments[1:3]


@duckdb
def test_an_instant_belongs_to_the_day_of_the_pipelines_zone(engine, ids):
    fill(engine, "timestamptz", ["2013-06-01 03:59:59+00", "2013-06-01 04:00:00+00"])
    assert ids(BOUNDED.format("moment"), "America/New_York") == ["2013-06-01 04:00:00+00"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_another_database_is_warned_of(engine, ids, caplog):
    fill(engine, "date", ["2013-06-01"])
    engine.dialect.name = "another"  # which SQLAlchemy spells as it does for SQLite
    ids("SELECT event_id, 1 AS one FROM events WHERE moment = :partition")
    assert caplog.messages == []
    ids(BOUNDED.format("moment"), "Asia/Tokyo")
    (warning,) = caplog.messages
    assert "time zone of a session of another is not set to Asia/Tokyo" in warning


@both
@pytest.mark.parametrize(
    "query",
    ["SELECT event_id, nothing FROM events", "SELECT 1 FROM nowhere", "SELECT event_id one FROM"],
)
def test_a_mistake_in_the_query_is_an_error_of_the_source(engine, ids, query):
    fill(engine, "date", ["2013-06-01"])
    with pytest.raises(SourceError, match="The database refuses the query: "):
        ids(query)
    assert engine.pool.checkedout() == 0


@duckdb
def test_a_value_that_cannot_be_cast_is_not_shown(engine, ids):
    fill(engine, "text", ["secret"])
    with pytest.raises(SourceError, match="The database refuses the query: Conversion") as refusal:
        ids("SELECT event_id, CAST(moment AS integer) AS one FROM events")
    assert "secret" not in str(refusal.value)


@sqlite
def test_a_text_of_no_encoding_is_an_error_of_the_source(engine, ids):
    fill(engine, "text", ["1"])
    with pytest.raises(SourceError, match="The database refuses the query: Could not decode"):
        ids("SELECT event_id, CAST(x'ff' AS text) AS one FROM events")


def test_a_value_that_the_driver_cannot_read_is_an_error_of_the_source(make_pipeline, tmp_path):
    sqlite3.register_converter("broken", int)
    engine = create_engine(
        f"sqlite:///{tmp_path / 'warehouse'}",
        connect_args={"detect_types": sqlite3.PARSE_DECLTYPES},
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE events (event_id integer, one broken)"))
        connection.execute(text("INSERT INTO events VALUES (1, 'secret')"))
    partition = Partition(day=date(2013, 6, 1), timezone="UTC")
    pipeline = make_pipeline(record={"id": ["event_id"], "features": ["one"]})
    with pytest.raises(SourceError) as refusal:
        SqlSource(engine, "SELECT event_id, one FROM events").lines(partition, pipeline)
    engine.dispose()
    assert "A value in rows 1 to 10000 of the query cannot be read (ValueError)" in str(
        refusal.value
    )
    assert "secret" not in str(refusal.value)


@sqlite
def test_a_database_that_is_locked_may_be_tried_again(engine, ids):
    fill(engine, "date", ["2013-06-01"])
    with sqlite3.connect(engine.url.database, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unreachable, match="The source's database failed: database is locked"):
            ids(BY_LABEL.format("moment"))
    other.close()
