"""Slices that another program has written, and what is said where they are not as they must be."""

import json
from io import BytesIO

import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from batch_transform.scoring.errors import ManifestError, SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipeline import Files
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.unloaded.unloaded_source import ToUnload
from batch_transform.scoring.sources.unloaded.written_source import WrittenSource

FOLDER = S3Uri("lake", "apples/2013-06-01")
SOURCE = {
    "conn_id": "aws",
    "files": "s3://lake/apples/{{ partition }}/unloaded.json",
    "format": "unloaded",
}
LINES = {0: "-2,0.5,red\n4,1.5,\n", 1: '9007199254740993,0.25,"a, b"\n'}
ROWS = {
    0: {"apple_id": [4, -2], "weight": [1.5, 0.5], "colour": [None, "red"]},
    1: {"apple_id": [2**53 + 1], "weight": [0.25], "colour": ["a, b"]},
}


def put(objects, number, rows, name="part-0.parquet"):
    """Write a file of a slice, and return what its list says of it."""
    body = BytesIO()
    parquet.write_table(pa.table(rows), body)
    uri = FOLDER / f"slice={number}" / name
    objects.put(uri, body.getvalue())
    rows = len(rows["apple_id"])
    return {"uri": str(uri), "rows": rows, "bytes": len(body.getvalue()), "slice": number}


def put_list(objects, files, **changes):
    rows = sum(file["rows"] for file in files)
    listed = {"rows": rows, "files": files, "statement": "application_1", **changes}
    objects.put(FOLDER / "unloaded.json", json.dumps(listed).encode())


@pytest.fixture
def written(objects):
    """The files of two slices, and what Spark leaves beside them."""
    objects.put(FOLDER / "_SUCCESS", b"")
    return [put(objects, number, rows) for number, rows in ROWS.items()]


@pytest.fixture
def pipeline(make_file_pipeline):
    return make_file_pipeline(SOURCE, extract={"slices": 2})


def read(objects, pipeline, partition, part=None):
    layout = RunLayout(attempt_root=S3Uri("runs", f"slice-{part.number if part else 'all'}"))
    index = extract(pipeline, partition, WrittenSource(objects, part=part), objects, layout)
    bodies = [objects.get(layout.input / shard.name) for shard in index.shards]
    return b"".join(bodies).decode()


def test_each_slice_is_read_by_its_ids(objects, written, pipeline, partition):
    put_list(objects, written, read_at="2013-06-02T01:00:00+00:00")
    source = WrittenSource(objects)
    assert source.is_there(partition, pipeline)
    assert source.expected(partition, pipeline).rows == 3
    for part in slices(pipeline.settings.extract):
        assert read(objects, pipeline, partition, part) == LINES[part.number]


def test_a_day_without_rows_is_empty(objects, pipeline, partition):
    put_list(objects, [])
    for part in slices(pipeline.settings.extract):
        assert read(objects, pipeline, partition, part) == ""


def test_a_day_that_has_not_come_is_waited_for_or_refused(objects, written, pipeline, partition):
    assert not WrittenSource(objects).is_there(partition, pipeline)
    with pytest.raises(SourceError, match=r"no s3://lake/apples/2013-06-01/unloaded.json, which"):
        read(objects, pipeline, partition)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": 4}, "says 4 rows, and its files have 3. Run again what has written them"),
        ({"more": 1}, r"is no list as docs/spark.md says \(more: Extra inputs"),
        ({"statement": None}, r"is no list as docs/spark.md says \(statement: "),
    ],
)
def test_a_list_that_is_none_is_refused(objects, written, pipeline, partition, changes, words):
    put_list(objects, written, **changes)
    with pytest.raises((SourceError, ManifestError), match=words):
        read(objects, pipeline, partition, slices(pipeline.settings.extract)[0])


def test_files_are_those_that_are_listed_and_no_other(objects, written, pipeline, partition):
    put_list(objects, written)
    put(objects, 0, ROWS[0], "part-1.parquet")
    with pytest.raises(ManifestError, match=r"not unloaded, or some are gone: .*part-1.parquet\."):
        read(objects, pipeline, partition, slices(pipeline.settings.extract)[0])


def test_more_slices_than_are_read_are_refused(objects, written, make_file_pipeline, partition):
    put_list(objects, written)
    whole = make_file_pipeline(SOURCE)
    with pytest.raises(ManifestError, match=r"has rows of slice 1, and .* make 1 slices"):
        read(objects, whole, partition)


def test_rows_in_the_folder_of_another_slice_are_refused(objects, pipeline, partition):
    put_list(objects, [put(objects, 0, ROWS[1]), put(objects, 1, ROWS[0])])
    with pytest.raises(SourceError, match="slice"):
        read(objects, pipeline, partition, slices(pipeline.settings.extract)[0])


def test_the_key_of_the_list_has_no_wildcards():
    with pytest.raises(ValidationError, match="has wildcards; it is the one key of the list"):
        Files(**{**SOURCE, "files": "s3://lake/{{ partition }}/*.json"})


def test_nothing_is_read_before_it_is_unloaded(make_pipeline, partition):
    source = ToUnload()
    assert source.is_there(partition, make_pipeline())
    expected = source.expected(partition, make_pipeline())
    assert (expected.rows, expected.told_by) == (None, "the engine counts them when it unloads")
    with pytest.raises(ManifestError, match="Nothing was unloaded. "):
        source.lines(partition, make_pipeline())
