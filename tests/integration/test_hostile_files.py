"""Every hazard of writing records, from files of every format, as far as the format carries it."""

import gzip
import json
from datetime import UTC
from decimal import Decimal
from io import BytesIO

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.sources.files.file_source import FileSource
from batch_transform.scoring.testing import InMemoryObjects, RowsSource
from tests.integration.hostile import (
    BROKEN_LINES,
    COLUMNS,
    GOLDEN,
    NOT_FINITE,
    REPLACE_ALL,
    ROWS,
    record,
    rows_for,
)

KINDS = ["integer", "integer", "decimal", "float", "boolean", "date", "timestamp", "text"]
CONTRACT = tuple(Column(name=n, kind=k) for n, k in zip(COLUMNS, KINDS, strict=True))
SCALE = 24  # of the hostile decimals; Parquet has one for a column


@pytest.fixture(params=["csv", "jsonl"])
def record_format(request):
    return request.param


@pytest.fixture(params=["parquet", "csv", "jsonl"])
def file_format(request):
    return request.param


@pytest.fixture
def make(make_file_pipeline):
    def make(record_format, file_format, **more):
        header = {"header": more.pop("header")} if "header" in more else {}
        source = {"files": "s3://lake/{{ partition }}/*", "format": file_format, **header}
        pipeline = make_file_pipeline(source, record=record(record_format, **more), limits={})
        return pipeline.model_copy(update={"contract": CONTRACT})

    return make


@pytest.fixture
def write(partition, layout):
    """The bytes of all shards of an extract from one file, or from a source."""

    def write(pipeline, given):
        objects = InMemoryObjects()
        if isinstance(given, bytes):
            objects.put(S3Uri("lake", "2013-06-01/part"), given)
            given = FileSource(objects)
        index = extract(pipeline, partition, given, objects, layout)
        return b"".join(objects.get(layout.input / shard.name) for shard in index.shards)

    return write


def columns_of(rows):
    return dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))


def table_of(rows, exact):
    columns = columns_of(rows)
    return pa.table(
        {
            "row_id": pa.array(columns["row_id"], pa.int64()),
            "whole": pa.array(columns["whole"], pa.int64()),
            "exact": exact(columns["exact"]),
            "ratio": pa.array(columns["ratio"], pa.float64()),
            "flag": pa.array(columns["flag"], pa.bool_()),
            "day": pa.array(columns["day"], pa.date32()),
            "moment": pa.array(columns["moment"], pa.timestamp("us", "UTC")),
            "words": pa.array(columns["words"], pa.string()).dictionary_encode(),
        }
    )


def texts(values):
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def numbers(values):
    return pa.array(values, pa.decimal256(76, SCALE))


def file_of(file_format, rows):
    """Write rows with a program that is not ours."""
    if file_format == "jsonl":
        lines = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
        return "".join(f"{json.dumps(line, default=str)}\n" for line in lines).encode()
    file = BytesIO()
    if file_format == "parquet":
        parquet.write_table(table_of(rows, numbers), file, row_group_size=7)
    else:
        table = table_of(rows, texts)
        words = table["words"].cast(pa.string())
        csv.write_csv(table.set_column(table.num_columns - 1, "words", words), file)
    return file.getvalue()


def as_carried(file_format, rows):
    """Return rows as they are once the format has carried them."""
    if file_format != "parquet":
        return rows
    at = COLUMNS.index("exact")
    return [(*row[:at], _scaled(row[at]), *row[at + 1 :]) for row in rows]


def _scaled(value):
    return value if value is None else Decimal(f"{value:.{SCALE}f}")


def golden_lines(suffix):
    return (GOLDEN / f"hostile.{suffix}").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_golden_files_come_back_to_the_byte(record_format, file_format, pack, make, write):
    # The golden CSV has no line breaks in its texts; of JSON Lines only what CSV has becomes CSV.
    count = None if record_format == file_format else len(ROWS)
    pipeline = make(
        record_format, file_format, **({"header": False} if file_format == "csv" else {})
    )
    body = b"".join(golden_lines(file_format)[:count])
    assert write(pipeline, pack(body)) == b"".join(golden_lines(record_format)[:count])


def test_rows_that_others_wrote_give_the_bytes_of_the_rows(record_format, file_format, make, write):
    rows = rows_for(record_format)
    pipeline = make(record_format, file_format)
    expected = write(pipeline, RowsSource(COLUMNS, as_carried(file_format, rows)))
    assert write(pipeline, file_of(file_format, rows)) == expected
    if file_format != "parquet":
        assert expected == (GOLDEN / f"hostile.{record_format}").read_bytes()


def test_policies_are_the_same_for_every_format(record_format, file_format, make, write):
    rows = ROWS + BROKEN_LINES + carried_not_finite(file_format)
    pipeline = make(record_format, file_format, policies=REPLACE_ALL)
    expected = write(pipeline, RowsSource(COLUMNS, as_carried(file_format, rows)))
    assert write(pipeline, file_of(file_format, rows)) == expected


def carried_not_finite(file_format):
    """Return the rows that are not finite; no decimal of Parquet is such a one."""
    at = COLUMNS.index("exact")
    if file_format != "parquet":
        return NOT_FINITE
    return [(*row[:at], None, *row[at + 1 :]) for row in NOT_FINITE]


@pytest.mark.parametrize("number", range(len(NOT_FINITE + BROKEN_LINES)))
def test_files_are_refused_in_the_words_of_the_encoder(
    record_format, file_format, number, make, write
):
    row = (carried_not_finite(file_format) + BROKEN_LINES)[number]
    if record_format == "jsonl" and row in BROKEN_LINES:
        pytest.skip("JSON Lines has line breaks")
    rows = [*ROWS[:3], row]
    pipeline = make(record_format, file_format)
    with pytest.raises(SourceError) as expected:
        write(pipeline, RowsSource(COLUMNS, as_carried(file_format, rows)))
    with pytest.raises(SourceError) as refusal:
        write(pipeline, file_of(file_format, rows))
    assert str(refusal.value) == str(expected.value)
    assert f"Row row_id={row[0]}: column " in str(refusal.value)


def test_half_of_a_surrogate_pair_in_json_meets_its_policy(record_format, make, write):
    body = json.dumps({**dict.fromkeys(COLUMNS), "row_id": 1, "words": "a\ud83d"}).encode()
    with pytest.raises(SourceError, match="Row row_id=1: column words holds text with half of"):
        write(make(record_format, "jsonl"), body)
    pipeline = make(record_format, "jsonl", policies={"surrogate": "replace"})
    assert "a\ufffd" in write(pipeline, body).decode()


cells = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.decimals(-(10**40), 10**40, places=SCALE),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.booleans(),
    st.none() | st.dates(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(cells, min_size=1, max_size=12))
def test_what_was_written_is_what_is_read(record_format, file_format, rows, make, write):
    numbered = [(number, *row) for number, row in enumerate(rows)]
    pipeline = make(record_format, file_format, policies={**REPLACE_ALL, "nul": "drop"})
    written = write(pipeline, file_of(file_format, numbered))
    assert written == write(pipeline, RowsSource(COLUMNS, numbered))
    if record_format == "jsonl":
        lines = [json.loads(line, parse_float=Decimal) for line in written.splitlines()]
        assert [
            (line["row_id"], line["whole"], line["exact"], line["words"]) for line in lines
        ] == [(row[0], row[1], row[2], row[7]) for row in numbered]
