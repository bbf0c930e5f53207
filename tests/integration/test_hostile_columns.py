"""Hazards of single types of PostgreSQL, by COPY and as values of Python, beside the encoder."""

import psycopg2
import pytest

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from batch_transform.scoring.sources.protocol import unchanged
from batch_transform.scoring.testing import RowsSource

REPLACE_ALL = {
    "nan": "empty",
    "infinity": "empty",
    "line_break": "space",
    "nul": "drop",
    "surrogate": "replace",
}
COLUMNS = ["row_id", "value"]
WAYS = {"copy": unchanged, "values": lambda table: table}


@pytest.fixture
def read(connection, database, make_pipeline, make_jsonl_pipeline, partition, objects, layout):
    """The records of rows, as SQL or as Python's, in one format and by one way."""
    opened = []

    def source(rows, way):
        if way == "encoder":
            return RowsSource(COLUMNS, rows)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW shown AS {rows}")
        connection.execute("DROP TABLE IF EXISTS hostile")
        connection.execute("CREATE TABLE hostile AS SELECT * FROM shown")
        connection.execute("DROP VIEW shown")
        connection.commit()
        opened.append(psycopg2.connect(database))
        return CopySource(opened[-1], "SELECT * FROM hostile", reshape=WAYS[way])

    def read(rows, record_format="jsonl", way="encoder", **policies):
        make = make_pipeline if record_format == "csv" else make_jsonl_pipeline
        pipeline = make(record={"id": ["row_id"], "features": ["value"], "policies": policies})
        index = extract(pipeline, partition, source(rows, way), objects, layout)
        return b"".join(objects.get(layout.input / shard.name) for shard in index.shards).decode()

    yield read
    for each in opened:
        each.close()


both_ways = pytest.mark.parametrize("way", WAYS)
three_ways = pytest.mark.parametrize("way", ["encoder", *WAYS])


def rows_for(way, sql, row):
    return [row] if way == "encoder" else sql


@three_ways
@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\r"])
def test_an_id_is_never_changed_by_a_policy(read, way, text):
    rows = rows_for(way, f"SELECT E{text!r} AS row_id, 1 AS value", (text, 1))
    with pytest.raises(SourceError) as refusal:
        read(rows, "csv", way, **REPLACE_ALL)
    assert str(refusal.value).startswith(f"Row row_id={text!r}: column row_id holds text with a")
    assert str(refusal.value).endswith("; record.policies.line_break changes no id")
    assert read(rows, "jsonl", way, **REPLACE_ALL).count("\n") == 1


@both_ways
def test_three_ids_do_not_become_one(read, way):
    rows = r"SELECT * FROM (VALUES ('a b', 1), (E'a\nb', 2), (E'a\rb', 3)) AS v(row_id, value)"
    with pytest.raises(SourceError, match="column row_id holds text with a line break"):
        read(rows, "csv", way, line_break="space")


@both_ways
@pytest.mark.parametrize("record_format", ["csv", "jsonl"])
def test_blanks_at_the_end_of_an_id_are_of_the_id(read, way, record_format):
    rows = "SELECT * FROM (VALUES ('a'::bpchar, 1), ('a ', 2), ('A', 3)) AS v(row_id, value)"
    expected = [("A", 3), ("a", 1), ("a ", 2)]
    assert read(rows, record_format, way) == read(expected, record_format)
    doubled = rows.replace("('A', 3)", "('a', 3)")
    with pytest.raises(SourceError, match="Two rows have the same"):
        read(doubled, record_format, way)


@both_ways
@pytest.mark.parametrize("record_format", ["csv", "jsonl"])
def test_a_policy_leaves_the_blanks_of_char(read, way, record_format):
    rows = r"SELECT 1 AS row_id, E'a\nb'::char(6) AS value"
    written = read(rows, record_format, way, line_break="space")
    assert written == read([(1, "a\nb   ")], record_format, line_break="space")
    assert "a b   " in written or '"a\\nb   "' in written


@both_ways
@pytest.mark.parametrize(
    ("document", "written"),
    [
        (r'{"a": "\u0000"}', r'{"a": "\u0000"}'),
        (r'["\u0000\u0001\\\"\t", "é🍏"]', r'["\u0000\u0001\\\"\t", "é🍏"]'),
        (r'["\\u0000"]', r'["\\u0000"]'),
    ],
)
def test_json_that_jsonb_cannot_hold_is_written(read, way, document, written):
    rows = f"SELECT 1 AS row_id, $x${document}$x$::json AS value"
    assert read(rows, way=way) == f'{{"row_id":1,"value":{written}}}\n'


@both_ways
@pytest.mark.parametrize("other", ["'[]'::json", "NULL"])
def test_half_of_a_surrogate_pair_in_json_meets_its_policy(read, way, other):
    rows = rf"SELECT * FROM (VALUES (1, {other}), (7, '[\"\ud83d\"]'::json)) AS v(row_id, value)"
    rows = rows.replace('\\"', '"')
    with pytest.raises(SourceError) as refusal:
        read(rows, way=way)
    assert "Row row_id=7: column value holds a nested value with text with half" in str(
        refusal.value
    )
    assert '"value":["\ufffd"]}' in read(rows, way=way, surrogate="replace")


@both_ways
def test_a_number_of_json_that_no_database_keeps_is_refused_with_its_row(read, way):
    rows = "SELECT 7 AS row_id, '{\"a\": 1e200000}'::json AS value"
    with pytest.raises(SourceError) as refusal:
        read(rows, way=way)
    words = "Row row_id=7: column value holds a nested value with a number of more digits"
    assert str(refusal.value).startswith(words)


@both_ways
@pytest.mark.parametrize("kind", ["float4", "float8", "numeric"])
def test_numbers_of_arrays_that_are_not_finite_meet_their_policies(read, way, kind):
    rows = f"SELECT 7 AS row_id, ARRAY[[1.5, 'NaN'], [NULL, 'NaN']]::{kind}[] AS value"
    with pytest.raises(SourceError, match="Row row_id=7: column value holds a nested value with N"):
        read(rows, way=way)
    assert read(rows, way=way, nan="empty") == (
        '{"row_id":7,"value":[[1.5, null], [null, null]]}\n'
    )
    infinite = rows.replace("'NaN']]", "'-Infinity']]")
    with pytest.raises(SourceError, match="Row row_id=7: column value holds a nested value with"):
        read(infinite, way=way, nan="empty")
    assert "[null, null]" in read(infinite, way=way, nan="empty", infinity="empty")


@three_ways
def test_numbers_inside_of_lists_have_no_exponent(read, way):
    numbers = [1e-05, 1e22, 0.1, -2.5e-300]
    rows = rows_for(way, f"SELECT 1 AS row_id, ARRAY{numbers}::float8[] AS value", (1, numbers))
    written = read(rows, way=way)
    assert written.startswith('{"row_id":1,"value":[0.00001, 10000000000000000000000, 0.1, -0.000')
    assert "e" not in written.partition(":[")[2]


@both_ways
def test_lists_of_char_keep_their_blanks(read, way):
    rows = "SELECT 1 AS row_id, ARRAY['a', NULL]::char(3)[] AS value"
    assert read(rows, way=way) == '{"row_id":1,"value":["a  ", null]}\n'


@both_ways
@pytest.mark.parametrize(
    "text",
    ['"', '""', '"a', 'a"', "\\", '\\"', '"\\', "\\\\v", "\v\\v", '\x01"\t', "null", "\\N", ""],
)
def test_texts_that_look_like_escapes_are_themselves(read, way, text):
    spelt = "".join(rf"\x{ord(character):02x}" for character in text)
    other = "SELECT 0 AS row_id, NULL AS value UNION ALL"
    rows = f"{other} SELECT 1, E'{spelt}' UNION ALL SELECT 2, '{{}}' UNION ALL SELECT 3, E'{spelt}'"
    expected = read([(0, None), (1, text), (2, "{}"), (3, text)])
    assert read(rows, way=way) == expected
