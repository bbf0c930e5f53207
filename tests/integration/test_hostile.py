"""Every hazard of writing records, from every source, against one golden file for each format."""

import gzip
from datetime import UTC
from decimal import Decimal

import psycopg
import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from batch_transform.scoring.sources.protocol import unchanged
from batch_transform.scoring.sources.sql import SqlSource
from batch_transform.scoring.testing import RowsSource
from tests.integration.hostile import (
    BROKEN_LINES,
    COLUMNS,
    GOLDEN,
    NOT_FINITE,
    POSTGRES,
    REPLACE_ALL,
    ROWS,
    record,
    rows_for,
)

QUERY = "SELECT {} FROM hostile WHERE :partition_start < :partition_end"
FORMATS = ["csv", "jsonl"]


@pytest.fixture(params=FORMATS)
def record_format(request):
    return request.param


@pytest.fixture
def make(make_pipeline, make_jsonl_pipeline):
    def make(record_format, columns=COLUMNS, **more):
        maker = make_pipeline if record_format == "csv" else make_jsonl_pipeline
        return maker(record=record(record_format, columns, **more), limits={})

    return make


@pytest.fixture
def write(partition, objects, layout):
    """The bytes of all shards of an extract."""

    def write(pipeline, source):
        index = extract(pipeline, partition, source, objects, layout)
        bodies = [objects.get(layout.input / shard.name) for shard in index.shards]
        return b"".join(
            gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in bodies
        )

    return write


@pytest.fixture
def fill(connection):
    def fill(rows):
        connection.execute("DROP TABLE IF EXISTS hostile")
        connection.execute(POSTGRES)
        with connection.cursor() as cursor, cursor.copy("COPY hostile FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()

    return fill


@pytest.fixture
def copying(database):
    """A function that gives the fast path to the test's database."""
    opened = []

    def copying(query, reshape=unchanged):
        opened.append(psycopg2.connect(database))
        return CopySource(opened[-1], query, reshape=reshape)

    yield copying
    for connection in opened:
        connection.close()


@pytest.fixture
def postgres_engine(database):
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database))
    yield engine
    engine.dispose()


def golden(record_format):
    return (GOLDEN / f"hostile.{record_format}").read_bytes()


def backwards(rows):
    return rows[::-1]


def test_rows_give_the_golden_bytes(record_format, make, write):
    source = RowsSource(COLUMNS, rows_for(record_format))
    assert write(make(record_format), source) == golden(record_format)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_copy_gives_the_golden_bytes(record_format, compression, make, write, fill, copying):
    fill(backwards(rows_for(record_format)))
    pipeline = make(record_format, compression=compression)
    assert write(pipeline, copying(QUERY.format("*"))) == golden(record_format)


def test_values_of_python_give_the_golden_bytes(record_format, make, write, fill, copying):
    fill(backwards(rows_for(record_format)))
    source = copying(QUERY.format("*"), lambda table: table)
    assert write(make(record_format), source) == golden(record_format)


def test_sqlalchemy_gives_the_golden_bytes(record_format, make, write, fill, postgres_engine):
    fill(backwards(rows_for(record_format)))
    source = SqlSource(postgres_engine, QUERY.format("*"))
    assert write(make(record_format), source) == golden(record_format)


def test_duckdb_gives_the_bytes_of_the_same_rows(record_format, make, write, tmp_path):
    # Its decimals have one scale a column, so those are left out.
    columns = [name for name in COLUMNS if name != "exact"]
    kept = [columns.index(name) if name in columns else None for name in COLUMNS]
    rows = [
        tuple(value for value, at in zip(row, kept, strict=True) if at is not None)
        for row in rows_for(record_format)
    ]
    engine = create_engine(f"duckdb:///{tmp_path / 'warehouse.duckdb'}")
    with engine.begin() as connection:
        connection.execute(text(POSTGRES.replace("exact numeric,", "")))
        places = ", ".join(f":{name}" for name in columns)
        connection.execute(
            text(f"INSERT INTO hostile VALUES ({places})"),
            [dict(zip(columns, row, strict=True)) for row in backwards(rows)],
        )
    pipeline = make(record_format, columns)
    written = write(pipeline, SqlSource(engine, QUERY.format("*")))
    engine.dispose()
    assert written == write(pipeline, RowsSource(columns, rows))


def test_sqlite_gives_the_bytes_of_the_same_rows(record_format, make, write, tmp_path):
    # Of our kinds it has three, and it keeps no sign of zero.
    columns = ["row_id", "whole", "ratio", "words"]
    rows = [
        tuple(abs(row[at]) if row[at] == 0 else row[at] for at in map(COLUMNS.index, columns))
        for row in rows_for(record_format)
    ]
    engine = create_engine(f"sqlite:///{tmp_path / 'warehouse.sqlite'}")
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE hostile (row_id integer, whole integer, ratio real, words text)")
        )
        connection.execute(
            text("INSERT INTO hostile VALUES (:row_id, :whole, :ratio, :words)"),
            [dict(zip(columns, row, strict=True)) for row in backwards(rows)],
        )
    pipeline = make(record_format, columns)
    written = write(pipeline, SqlSource(engine, QUERY.format("*")))
    engine.dispose()
    assert written == write(pipeline, RowsSource(columns, rows))


def test_policies_are_the_same_on_every_path(
    record_format, make, write, fill, copying, postgres_engine
):
    rows = ROWS + BROKEN_LINES + NOT_FINITE
    fill(rows)
    pipeline = make(record_format, policies=REPLACE_ALL)
    written = write(pipeline, RowsSource(COLUMNS, rows))
    assert write(pipeline, copying(QUERY.format("*"))) == written
    assert write(pipeline, copying(QUERY.format("*"), lambda table: table)) == written
    assert write(pipeline, SqlSource(postgres_engine, QUERY.format("*"))) == written


@pytest.mark.parametrize("row", NOT_FINITE + BROKEN_LINES, ids=lambda row: f"row {row[0]}")
def test_copy_refuses_what_the_encoder_refuses_in_the_same_words(
    record_format, row, make, write, fill, copying
):
    if record_format == "jsonl" and row in BROKEN_LINES:
        pytest.skip("JSON Lines has line breaks")
    rows = [*ROWS[:3], row, (99, *row[1:])]
    fill(rows)
    with pytest.raises(SourceError) as expected:
        write(make(record_format), RowsSource(COLUMNS, rows))
    with pytest.raises(SourceError) as refusal:
        write(make(record_format), copying(QUERY.format("*")))
    assert str(refusal.value) == str(expected.value)
    assert f"Row row_id={row[0]}: column " in str(refusal.value)


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("day", "infinity", "a date outside of the years"),
        ("day", "0044-03-15 BC", "a date outside of the years"),
        ("day", "10000-01-01", "a date outside of the years"),
        ("moment", "-infinity", "a date outside of the years"),
        ("moment", "10000-01-01 00:00:00+00", "a date outside of the years"),
    ],
)
def test_copy_refuses_dates_that_python_does_not_have(
    record_format, column, value, complaint, make, write, fill, copying, connection
):
    fill(ROWS)
    connection.execute(f"INSERT INTO hostile (row_id, {column}) VALUES (77, %s)", (value,))
    connection.commit()
    with pytest.raises(SourceError, match=f"Row row_id=77: column {column} holds {complaint}"):
        write(make(record_format), copying(QUERY.format("*")))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([(3,)], "Two rows have the same row_id=3; an id names one row"),
        ([(None,)], "The id column row_id holds NULL"),
    ],
)
def test_copy_proves_ids(record_format, values, complaint, make, write, fill, copying):
    fill(ROWS + [(*value, *ROWS[0][1:]) for value in values])
    with pytest.raises(SourceError, match=complaint):
        write(make(record_format), copying(QUERY.format("*")))


@pytest.mark.parametrize("second", ["a", 'a"b', "a,b", "", "a\\", "a\tb"])
def test_ids_of_several_columns_and_of_text(
    record_format, second, make, write, connection, copying
):
    connection.execute("CREATE TABLE hostile (one text, two text, value integer)")
    rows = [("Z", second, 1), ("a", second, 1), ("a", second + "!", 2), ("ä", second, 3)]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO hostile VALUES (%s, %s, %s)", rows[::-1])
    connection.commit()
    pipeline = make(record_format, ["one", "two", "value"], id=["one", "two"], features=["value"])
    written = write(pipeline, copying(QUERY.format("*")))
    assert written == write(pipeline, RowsSource(["one", "two", "value"], rows))
    connection.execute("INSERT INTO hostile VALUES ('a', %s, 4)", (second,))
    connection.commit()
    with pytest.raises(SourceError, match="Two rows have the same one='a', two="):
        write(pipeline, copying(QUERY.format("*")))


def test_nested_values_in_json_lines(make, write, connection, copying):
    connection.execute(
        'CREATE TABLE hostile AS SELECT 1 AS row_id, \'{"b": [1.10, null, "x\\n\\\\"], "a":'
        " 12345678901234567890}'::jsonb AS object, ARRAY[1, NULL, 3] AS whole,"
        " ARRAY['a,\"b', NULL, E'tab\\t'] AS texts, ARRAY[0.1, 1e22]::float8[] AS floats"
    )
    connection.commit()
    columns = ["row_id", "object", "whole", "texts", "floats"]
    row = (
        1,
        {"a": 12345678901234567890, "b": [Decimal("1.10"), None, "x\n\\"]},
        [1, None, 3],
        ['a,"b', None, "tab\t"],
        [Decimal("0.1"), Decimal("1e22")],
    )
    pipeline = make("jsonl", columns)
    written = write(pipeline, copying(QUERY.format("*")))
    assert written == write(pipeline, RowsSource(columns, [row]))
    connection.execute("UPDATE hostile SET floats = ARRAY[1, 'NaN']::float8[]")
    connection.commit()
    with pytest.raises(SourceError, match="Row row_id=1: column floats holds a nested value with"):
        write(pipeline, copying(QUERY.format("*")))
    kept = make("jsonl", columns, policies={"nan": "empty", "infinity": "empty"})
    assert b'"floats":[1, null]' in write(kept, copying(QUERY.format("*")))


def test_types_without_a_text_are_refused_before_a_shard_is_written(
    make, partition, objects, layout, connection, copying
):
    connection.execute(
        "CREATE TABLE hostile (row_id numeric, raw bytea, local timestamp, span interval, o jsonb)"
    )
    connection.commit()
    pipeline = make("csv", ["row_id", "raw", "local", "span", "o"])
    with pytest.raises(SourceError) as refusal:
        extract(pipeline, partition, copying(QUERY.format("*")), objects, layout)
    for problem in (
        "row_id is numeric; an id is an integer or a text",
        "raw is bytea; cast it in the query",
        "local is timestamp without time zone; cast it in the query AT TIME ZONE …",
        "span is interval; cast it in the query",
        "o is jsonb, which CSV has no text for; take it apart",
    ):
        assert problem in str(refusal.value)
    assert objects.content == {}


def unsigned_zero(value):
    return abs(value) if value == 0 else value  # numeric has but one zero


in_postgres = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
cells = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=7).map(unsigned_zero),
    st.none() | st.floats(),
    st.none() | st.booleans(),
    st.none() | st.dates(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.none() | in_postgres,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(cells, min_size=1, max_size=12))
def test_copy_writes_what_the_encoder_writes(record_format, rows, make, write, fill, copying):
    numbered = [(number, *row) for number, row in enumerate(rows)]
    fill(numbered)
    pipeline = make(record_format, policies=REPLACE_ALL)
    written = write(pipeline, copying(QUERY.format("*")))
    assert written == write(pipeline, RowsSource(COLUMNS, numbered))
