"""One meaning of a query on PostgreSQL: with reshape.py or without, whatever a session begins with.

Each query is read twice: by the fast path, whose records PostgreSQL writes itself, and through a
``reshape.py`` that changes nothing.
"""

import json
from datetime import date

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from batch_transform.open_source import open_source
from batch_transform.scoring.errors import SourceError, Unreachable
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.testing import InMemoryObjects

NEW_YORK = "America/New_York"
LAYOUT = RunLayout(attempt_root=S3Uri("bucket", "attempt"))
HOSTILE_DEFAULTS = {
    "timezone": "Asia/Tokyo",
    "datestyle": "German, YMD",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "0",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "timezone_abbreviations": "India",
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "read committed",
}


@pytest.fixture
def run(connection):
    def run(*statements):
        for statement in statements:
            connection.execute(statement)
        connection.commit()

    return run


@pytest.fixture
def defaults(connection):
    """Give sessions of the test's database other defaults than those they have."""
    name = sql.Identifier(connection.info.dbname)

    def defaults(**values):
        connection.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(name))
        for setting, value in values.items():
            # A list of two words is no list once it is quoted.
            spelt = sql.SQL(value) if setting == "datestyle" else sql.Literal(value)
            statement = sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                name, sql.SQL(setting), spelt
            )
            connection.execute(statement)
        connection.commit()

    return defaults


@pytest.fixture
def unchanged(tmp_path):
    path = tmp_path / "reshape.py"
    path.write_text("def reshape(frame):\n    return frame\n")
    return path


@pytest.fixture
def read(connection, make_pipeline, make_jsonl_pipeline, monkeypatch, unchanged):
    """The records of a query, or the words of its refusal, by the fast path and by the other."""
    spec = {"conn_type": "postgres", "host": connection.info.host, "login": connection.info.user}
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({**spec, "schema": connection.info.dbname})
    )

    def read(query, columns, timezone="UTC", record_format="jsonl", **record):
        make = make_pipeline if record_format == "csv" else make_jsonl_pipeline
        fields = {"id": columns[:1], "features": columns[1:], **record}
        pipeline = make(record=fields, schedule={"timezone": timezone})
        pipeline = pipeline.model_copy(update={"query": query})
        paths = [pipeline, pipeline.model_copy(update={"reshape": unchanged})]
        return [_read(each, Partition(day=date(2013, 6, 1), timezone=timezone)) for each in paths]

    return read


def _read(pipeline, partition):
    objects = InMemoryObjects()
    try:
        with open_source(pipeline) as source:
            index = extract(pipeline, partition, source, objects, LAYOUT)
    except SourceError as error:
        return error
    return b"".join(objects.get(LAYOUT.input / shard.name) for shard in index.shards).decode()


@pytest.fixture
def same(read):
    """What both paths read, which is the same."""

    def same(*args, **more):
        fast, slow = read(*args, **more)
        assert isinstance(fast, str), fast
        assert slow == fast
        return fast

    return same


BOUNDED = "SELECT * FROM events WHERE {0} >= :partition_start AND {0} < :partition_end"
BY_LABEL = "SELECT * FROM events WHERE {0} = :partition"


@pytest.mark.parametrize("server_zone", ["UTC", NEW_YORK, "Asia/Tokyo"])
@pytest.mark.parametrize("timezone", ["UTC", NEW_YORK, "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("kind", "moments", "query"),
    [
        ("date", ["2013-05-31", "2013-06-01", "2013-06-02"], BOUNDED.format("happened")),
        ("date", ["2013-05-31", "2013-06-01", "2013-06-02"], BY_LABEL.format("happened")),
        (
            "timestamp",
            ["2013-05-31 23:59:59.999999", "2013-06-01 00:00", "2013-06-02 00:00"],
            BOUNDED.format("happened"),
        ),
    ],
)
def test_the_row_of_a_day_belongs_to_that_day(
    run, defaults, same, server_zone, timezone, kind, moments, query
):
    run(f"CREATE TABLE days (event_id integer, happened {kind})")
    for number, moment in enumerate(moments):
        run(f"INSERT INTO days VALUES ({number}, '{moment}')")
    defaults(timezone=server_zone)
    query = query.replace("SELECT * FROM events", "SELECT event_id, 'x' AS word FROM days")
    assert same(query, ["event_id", "word"], timezone) == '{"event_id":1,"word":"x"}\n'


@pytest.mark.parametrize("server_zone", ["UTC", NEW_YORK, "Asia/Tokyo"])
def test_an_instant_belongs_to_the_day_of_the_pipelines_zone(run, defaults, same, server_zone):
    run("CREATE TABLE events (event_id integer, happened timestamptz)")
    moments = [
        "2013-06-01 03:59:59Z",
        "2013-06-01 04:00Z",
        "2013-06-02 03:59Z",
        "2013-06-02 04:00Z",
    ]
    for number, moment in enumerate(moments):
        run(f"INSERT INTO events VALUES ({number}, '{moment}')")
    defaults(timezone=server_zone)
    text = same(BOUNDED.format("happened"), ["event_id", "happened"], NEW_YORK)
    assert text == (
        '{"event_id":1,"happened":"2013-06-01T04:00:00+00:00"}\n'
        '{"event_id":2,"happened":"2013-06-02T03:59:00+00:00"}\n'
    )


# Each is written in the way of the pipeline, and never in that of the server.
EXPRESSIONS = {
    "'2013-06-02 02:00Z'::timestamptz::date::text": '"2013-06-01"',
    "extract(hour FROM '2013-06-02 02:00Z'::timestamptz)::int": "22",
    "'2013-06-02 02:00Z'::timestamptz::text": '"2013-06-01 22:00:00-04"',
    "'2013-06-02'::date::text": '"2013-06-02"',
    "'01/02/2013'::date": '"2013-01-02"',
    "'1 day 2 hours'::interval::text": '"1 day 02:00:00"',
    "(0.1::float8 + 0.2::float8)": "0.30000000000000004",
    "(0.1::float8 + 0.2::float8)::text": '"0.30000000000000004"',
    "16777216::real": "16777216",
    r"'\xff'::bytea::text": r'"\\xff"',
    r"'a\nb'": r'"a\\nb"',
    "(NULL = NULL) IS NULL": "true",
    "'{1,NULL}'::text[]": '["1", null]',
    "'2013-06-02 12:00 IST'::timestamptz": '"2013-06-02T10:00:00+00:00"',
    "'🍏'": '"🍏"',
    '\'{"a": 12345678901234567890.123456789, "b": 1.10}\'::jsonb': (
        '{"a": 12345678901234567890.123456789, "b": 1.10}'
    ),
    '\'{"a": 1.10, "a": 1e5}\'::json': '{"a": 100000}',
    "ARRAY[0.00001, 1e22, 0.1]::float8[]": "[0.00001, 10000000000000000000000, 0.1]",
    "ARRAY[16777216, 0.1]::float4[]": "[16777216, 0.1]",
    "ARRAY['a ', NULL]::char(3)[]": '["a  ", null]',
    "'a'::char(3)": '"a  "',
}


@pytest.mark.parametrize("defaults_of", [{}, HOSTILE_DEFAULTS], ids=["usual", "hostile"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_value_is_the_same_whatever_a_session_begins_with(
    defaults, same, expression, defaults_of
):
    defaults(**defaults_of)
    query = f"SELECT 1 AS event_id, {expression} AS value WHERE :partition_start < :partition_end"
    text = same(query, ["event_id", "value"], NEW_YORK)
    assert text == f'{{"event_id":1,"value":{EXPRESSIONS[expression]}}}\n'


def test_the_snapshot_is_dated_by_the_databases_clock(
    connection, run, read, make_pipeline, partition
):
    run("CREATE TABLE events AS SELECT 1 AS apple_id, 1 AS weight, 'red' AS colour")
    read("SELECT * FROM events", ["apple_id", "weight", "colour"])  # makes the Airflow connection
    pipeline = make_pipeline().model_copy(update={"query": "SELECT * FROM events"})
    with open_source(pipeline) as source:
        before = now(connection)
        lines = source.lines(partition, pipeline)
        after = now(connection)
        run("INSERT INTO events VALUES (2, 2, 'green')")
        assert b"".join(lines.blocks) == b"1,1,red\n"
    assert before <= lines.read_at <= after


def now(connection):
    (moment,) = connection.execute("SELECT clock_timestamp()").fetchone()
    connection.commit()
    return moment


def test_ids_come_in_the_order_of_their_bytes_on_both_ways(run, same):
    run(
        "CREATE TYPE size AS ENUM ('small', 'large', 'Extra')",
        "CREATE TABLE events AS SELECT unnest(enum_range(NULL::size)) AS event_id, 1 AS value",
    )
    text = same(
        "SELECT * FROM events WHERE :partition_start < :partition_end", ["event_id", "value"]
    )
    ids = [json.loads(line)["event_id"] for line in text.splitlines()]
    assert ids == ["Extra", "large", "small"]


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("2.5::money", "money"),
        ("B'101'", "bit"),
        ("point(1, 2)", "point"),
        ("ROW(1, 2)", "record"),
        ("'1 day'::interval", "interval"),
        ("'2013-06-01'::timestamp", "timestamp without time zone"),
        ("'12:00'::time", "time without time zone"),
        (r"'\x00'::bytea", "bytea"),
    ],
)
def test_a_type_without_a_text_is_refused_on_both_ways_before_a_row_is_read(
    read, expression, shown
):
    query = f"SELECT 1 AS event_id, {expression} AS value WHERE :partition_start < :partition_end"
    for refusal in read(query, ["event_id", "value"]):
        assert f"value is {shown}; cast it in the query" in str(refusal)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT nme FROM events", 'column "nme" does not exist'),
        ("SELECT event_id, value FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT event_id FROM events WHERE", "syntax error"),
        ("SELECT event_id, 1 / value AS value FROM events", "division by zero"),
        ("SELECT event_id, nextval('numbers') AS value FROM events", "read-only transaction"),
        ("SELECT event_id, value FROM events FOR UPDATE", "read-only transaction"),
        ("SELECT event_id, 'x'::char(99)::bytea::text || chr(0) AS value FROM events", "null char"),
    ],
)
def test_what_the_database_refuses_is_an_error_of_the_source(run, read, query, words):
    run(
        "CREATE TABLE events AS SELECT 1 AS event_id, 0 AS value",
        "CREATE SEQUENCE numbers",
    )
    for refusal in read(query, ["event_id", "value"]):
        assert isinstance(refusal, SourceError)
        assert words in str(refusal)


def test_a_database_that_fails_may_be_tried_again(run, connection, make_pipeline, read, partition):
    run("CREATE TABLE events AS SELECT n AS apple_id, 1 AS weight, '' AS colour"
        " FROM generate_series(1, 300000) n")  # fmt: skip
    read("SELECT 1", ["apple_id", "weight"])  # makes the Airflow connection
    pipeline = make_pipeline().model_copy(update={"query": "SELECT * FROM events"})
    with open_source(pipeline) as source, psycopg.connect(connection.info.dsn) as other:
        lines = source.lines(partition, pipeline)
        next(lines.blocks)
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'COPY%'"
        )
        with pytest.raises(Unreachable, match="The source's database failed: "):
            list(lines.blocks)


def test_a_value_that_cannot_be_cast_is_not_shown(run, read):
    run("CREATE TABLE events AS SELECT 1 AS event_id, 'very \"secret\"' AS value")
    query = "SELECT event_id, value::integer AS value FROM events"
    for refusal in read(query, ["event_id", "value"]):
        assert "invalid input syntax for type integer" in str(refusal)
        assert "secret" not in str(refusal)
        assert refusal.__cause__ is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "infinity"),
        ("date", "0044-03-15 BC"),
        ("date", "10000-01-01"),
        ("timestamptz", "-infinity"),
        ("timestamptz", "10000-01-01 00:00:00+00"),
    ],
)
def test_dates_that_python_does_not_have_are_refused_with_their_row(run, read, kind, value):
    run(
        f"CREATE TABLE events (event_id integer, value {kind})",
        f"INSERT INTO events VALUES (1, NULL), (2, '{value}')",
    )
    fast, slow = read(
        "SELECT * FROM events WHERE :partition_start < :partition_end", ["event_id", "value"]
    )
    assert "Row event_id=2: column value holds a date outside of the years" in str(fast)
    assert "Column value holds a date outside of the years" in str(slow)
    assert "row 2 of chunk 1" in str(slow)


def test_a_text_of_no_encoding_is_refused(postgres, monkeypatch, make_pipeline, unchanged):
    name = "ascii"
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name}")
        admin.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        with psycopg.connect(postgres.dsn(name), autocommit=True) as there:
            there.execute(r"CREATE TABLE events AS SELECT 1 AS event_id, E'h\xe4' AS value")
        spec = {"conn_type": "postgres", "host": admin.info.host, "login": admin.info.user}
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({**spec, "schema": name}))
        query = "SELECT event_id, value FROM events WHERE :partition_start < :partition_end"
        record = {"id": ["event_id"], "features": ["value"]}
        pipeline = make_pipeline(record=record).model_copy(update={"query": query})
        for each in (pipeline, pipeline.model_copy(update={"reshape": unchanged})):
            refusal = _read(each, Partition(day=date(2013, 6, 1), timezone="UTC"))
            assert isinstance(refusal, SourceError)
            assert "invalid byte sequence" in str(refusal)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
floats = st.floats(width=64).map(repr)
small_floats = st.floats(width=32).map(repr)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)
days = st.dates().map(str)
moments = st.datetimes().map("{}+00".format)
leaves = st.none() | st.booleans() | st.integers() | texts | st.sampled_from([0.1, 1e22, 1e-7])
# Not a number or a text alone: in Python that is of another kind than a list or an object.
documents = st.recursive(
    st.none() | st.lists(leaves, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
).map(json.dumps)


def arrays(elements):
    """Arrays as PostgreSQL reads them; texts are quoted."""
    quoted = elements.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return st.lists(st.just("NULL") | quoted, max_size=3).map(lambda some: f"{{{','.join(some)}}}")


VALUES = {
    "boolean": st.sampled_from(["t", "f"]),
    "smallint": st.integers(-(2**15), 2**15 - 1).map(str),
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "real": small_floats,
    "double precision": floats,
    "numeric": numbers | st.sampled_from(["NaN", "0.10", "1e30", "-0"]),
    "text": texts,
    "varchar(20)": texts,
    "char(12)": texts,
    "bpchar": texts,
    "name": texts,
    "uuid": st.uuids().map(str),
    "mood": st.sampled_from(["sad", "Happy", 'a"b']),
    "date": days | st.sampled_from(["infinity", "0044-03-15 BC"]),
    "timestamptz": moments | st.sampled_from(["-infinity"]),
    "json": documents,
    "jsonb": documents.filter(lambda text: "\\u0000" not in text),
    "boolean[]": arrays(st.sampled_from(["t", "f"])),
    "integer[]": arrays(st.integers(-(2**31), 2**31 - 1).map(str)),
    "text[]": arrays(texts),
    "char(3)[]": arrays(st.text("ab ", max_size=3)),
    "uuid[]": arrays(st.uuids().map(str)),
    "real[]": arrays(small_floats),
    "double precision[]": arrays(floats),
    "numeric[]": arrays(numbers | st.just("NaN")),
}
ID_TYPES = ["bigint", "smallint", "text", "varchar(20)", "bpchar", "uuid", "mood"]
DEFAULTS = st.fixed_dictionaries(
    {},
    optional={
        "timezone": st.sampled_from(["UTC", NEW_YORK, "Asia/Kathmandu"]),
        "datestyle": st.sampled_from(["SQL, DMY", "Postgres, MDY", "German", "ISO, YMD"]),
        "intervalstyle": st.sampled_from(["iso_8601", "sql_standard"]),
        "extra_float_digits": st.sampled_from(["-15", "0", "3"]),
        "bytea_output": st.just("escape"),
        "standard_conforming_strings": st.just("off"),
        "transform_null_equals": st.just("on"),
        "client_encoding": st.sampled_from(["LATIN1", "UTF8"]),
        "default_transaction_isolation": st.just("read committed"),
    },
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "nan": st.just("empty"),
        "infinity": st.just("empty"),
        "line_break": st.just("space"),
        "nul": st.just("drop"),
        "surrogate": st.just("replace"),
    },
)


@st.composite
def tables(draw):
    """The columns of a table and their values, as PostgreSQL reads them."""
    record_format = draw(st.sampled_from(["csv", "jsonl"]))
    carried = [
        kind for kind in VALUES if record_format == "jsonl" or not kind.endswith(("]", "json", "b"))
    ]
    kinds = [draw(st.sampled_from(ID_TYPES)), *draw(st.lists(st.sampled_from(carried), min_size=1,
                                                             max_size=4))]  # fmt: skip
    cells = [st.none() | VALUES[kind] for kind in kinds]
    rows = draw(st.lists(st.tuples(VALUES[kinds[0]], *cells[1:]), min_size=1, max_size=6))
    return record_format, kinds, rows


@pytest.fixture
def mood(run):
    run("CREATE TYPE mood AS ENUM ('sad', 'Happy', 'a\"b')")


@pytest.mark.usefixtures("mood")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=tables(), changed=DEFAULTS, policies=POLICIES)
def test_both_ways_give_the_same_bytes(connection, run, defaults, read, table, changed, policies):
    record_format, kinds, rows = table
    names = [f"c{number}" for number in range(len(kinds))]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds, strict=True))
    defaults()
    run(
        "DROP TABLE IF EXISTS events",
        f"CREATE TABLE events ({columns})",
    )
    places = ", ".join(f"%s::{kind.replace('char(12)', 'bpchar')}" for kind in kinds)
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO events VALUES ({places})", _fitting(kinds, rows))
    connection.commit()
    defaults(**changed)
    query = "SELECT * FROM events WHERE :partition_start < :partition_end"
    fast, slow = read(query, names, NEW_YORK, record_format, policies=policies)
    assert isinstance(fast, SourceError) == isinstance(slow, SourceError), (fast, slow)
    assert isinstance(fast, SourceError) or fast == slow


def _fitting(kinds, rows):
    """Rows whose texts are no longer than their columns take, and no name that is longer."""
    return [
        tuple(
            value[:12] if value is not None and kind == "char(12)" else value
            for kind, value in zip(kinds, row, strict=True)
        )
        for row in rows
    ]
