import gzip
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from itertools import zip_longest

import pytest

from batch_transform.scoring.errors import ObjectDamaged, SourceError
from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.testing import RowsSource

COLUMNS = ["apple_id", "weight", "colour"]
ROWS = [(1, 0.25, "red"), (2, None, "green"), (3, 0.5, "red, mostly")]


def test_shards_and_index_hold_every_row(make_pipeline, objects, layout, partition):
    pipeline = make_pipeline(record={"compression": "gzip"}, shards={"min_count": 2})
    index = extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, layout)
    shards = {uri.key.rsplit("/", 1)[-1]: body for uri, body in objects.content.items()}
    assert gzip.decompress(shards["part-00000.csv.gz"]) == b"1,0.25,red\n"
    assert gzip.decompress(shards["part-00001.csv.gz"]) == b'2,,green\n3,0.5,"red, mostly"\n'
    assert [shard.records for shard in index.shards] == [1, 2]
    assert index.records == 3
    assert (index.shards[1].first_id, index.shards[1].last_id) == ((2,), (3,))
    for shard in index.shards:
        assert shard.bytes == len(shards[shard.name])
        assert shard.sha256 == hashlib.sha256(shards[shard.name]).hexdigest()
    assert ExtractIndex.from_json(shards["index.json"]) == index


def test_two_extracts_of_the_same_rows_are_the_same_to_the_byte(
    make_pipeline, objects, layout, partition
):
    pipeline = make_pipeline(record={"compression": "gzip"})
    extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, layout)
    first = dict(objects.content)
    extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, layout)
    changed = {uri for uri, body in objects.content.items() if body != first[uri]}
    assert changed <= {layout.snapshot}, "when it was read is all that may differ"


class Read(RowsSource):
    """Rows that were read at a moment of the source's own clock."""

    def lines(self, partition, pipeline):
        return replace(super().lines(partition, pipeline), read_at=datetime(2013, 6, 2, tzinfo=UTC))


def test_when_it_was_read_is_by_the_sources_clock_or_else_by_the_workers(
    make_pipeline, objects, layout, partition
):
    extract(make_pipeline(), partition, Read(COLUMNS, ROWS), objects, layout)
    assert snapshot.read(layout, objects) == datetime(2013, 6, 2, tzinfo=UTC)
    before = datetime.now(UTC)
    extract(make_pipeline(), partition, RowsSource(COLUMNS, ROWS), objects, layout)
    assert before <= snapshot.read(layout, objects) <= datetime.now(UTC)


def test_no_rows_give_an_index_without_shards(make_pipeline, objects, layout, partition):
    index = extract(make_pipeline(), partition, RowsSource(COLUMNS, []), objects, layout)
    assert (index.records, index.shards) == (0, ())
    assert list(objects.content) == [layout.snapshot, layout.index]


@pytest.mark.parametrize(
    "columns",
    [
        ["apple_id", "colour", "weight"],
        ["apple_id", "weight"],
        [*COLUMNS, "smell"],
        ["id", "weight", "colour"],
    ],
)
def test_other_columns_than_the_records_are_refused_before_a_shard_is_written(
    make_pipeline, objects, layout, partition, columns
):
    with pytest.raises(SourceError) as refusal:
        extract(make_pipeline(), partition, RowsSource(columns, ROWS), objects, layout)
    _, *shown = str(refusal.value).splitlines()
    assert shown[0].split() == ["contract", "source"]
    pairs = zip_longest(COLUMNS, columns, fillvalue="")
    for line, (expected, found) in zip(shown[1:], pairs, strict=True):
        mark = [] if expected == found else ["*"]
        assert line.split() == [*mark, *filter(None, (expected, found))]
    assert objects.content == {}


def test_an_extract_that_fails_leaves_no_index(make_pipeline, objects, layout, partition):
    rows = [*ROWS, (4, float("nan"), "red")]
    with pytest.raises(SourceError, match="apple_id=4: column weight holds NaN"):
        extract(make_pipeline(), partition, RowsSource(COLUMNS, rows), objects, layout)
    assert layout.index not in objects.content


def test_an_id_names_one_row(make_pipeline, objects, layout, partition):
    with pytest.raises(SourceError, match=r"Two rows have the same apple_id: rows 1 and 4 in"):
        extract(make_pipeline(), partition, RowsSource(COLUMNS, ROWS * 2), objects, layout)


@pytest.mark.parametrize("bad_id", [None, 1.0, True])
def test_an_id_is_an_integer_or_a_text(make_pipeline, objects, layout, partition, bad_id):
    rows = [(bad_id, 0.25, "red")]
    with pytest.raises(SourceError, match="id column apple_id holds .*; an id is an integer or a"):
        extract(make_pipeline(), partition, RowsSource(COLUMNS, rows), objects, layout)


LARGE = [(1, 0.25, "red"), (2, 0.5, "x" * 1_000_000), (3, 0.5, "green")]


def test_a_record_too_large_for_a_request_is_refused_by_its_id(
    make_pipeline, objects, layout, partition
):
    pipeline = make_pipeline(transform={"max_payload_mb": 1})
    with pytest.raises(
        SourceError, match=r"The record with apple_id = \(2,\) has 1000007 bytes, m"
    ):
        extract(pipeline, partition, RowsSource(COLUMNS, LARGE), objects, layout)
    assert layout.index not in objects.content


def test_what_is_too_large_is_so_for_the_payload_as_it_is_sent(
    make_pipeline, objects, layout, partition
):
    source = RowsSource(COLUMNS, LARGE)
    for limit in (2, 0):  # 0 is for no limit
        overrides = {"overrides": {"MaxPayloadInMB": limit}, "max_payload_mb": 1}
        index = extract(make_pipeline(transform=overrides), partition, source, objects, layout)
        assert (index.records, index.quarantined) == (3, 0)
    pipeline = make_pipeline(transform={"overrides": {"MaxPayloadInMB": 1}})
    with pytest.raises(SourceError, match="has 1000007 bytes, more than the 1000000"):
        extract(pipeline, partition, source, objects, layout)


def test_a_record_too_large_is_set_aside_where_the_policy_says_so(
    make_pipeline, objects, layout, partition
):
    pipeline = make_pipeline(
        record={"policies": {"oversized": "quarantine"}}, transform={"max_payload_mb": 1}
    )
    index = extract(pipeline, partition, RowsSource(COLUMNS, LARGE), objects, layout)
    assert (index.records, index.quarantined) == (2, 1)
    assert objects.get(layout.input / "part-00000.csv") == b"1,0.25,red\n3,0.5,green\n"
    set_aside = objects.get(layout.attempt_root / "quarantine" / "oversized.csv")
    assert set_aside == b"2,0.5," + b"x" * 1_000_000 + b"\n"


def test_no_shard_passes_its_limit_even_for_one_record(make_pipeline, objects, layout, partition):
    pipeline = make_pipeline(shards={"max_bytes": 11})
    with pytest.raises(SourceError, match=r"apple_id = \(3,\) has 20 bytes, more than the 11"):
        extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, layout)


def test_the_index_says_what_was_asked_and_what_was_found(
    make_pipeline, objects, layout, partition
):
    index = extract(make_pipeline(), partition, RowsSource(COLUMNS, ROWS), objects, layout)
    assert index.columns == ("apple_id", "weight", "colour")
    assert index.types == ("integer", "float", "text")
    assert index.query == hashlib.sha256(b"SELECT 1").hexdigest()
    empty = extract(make_pipeline(), partition, RowsSource(COLUMNS, []), objects, layout)
    assert empty.types == (None, None, None)
    assert empty.contract != index.contract


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "JSONDecodeError"),
        (b"[]", "TypeError"),
        (b"{}", "KeyError"),
        (b'{"taken_at": "yesterday"}', "ValueError"),
        (b'{"taken_at": "2013-06-02T00:00:00"}', "it has no time zone"),
    ],
)
def test_a_moment_that_cannot_be_read_back_is_damaged(objects, layout, body, why):
    assert snapshot.read(layout, objects) is None
    objects.put(layout.snapshot, body)
    with pytest.raises(ObjectDamaged, match=why):
        snapshot.read(layout, objects)


def test_small_records_of_a_block_larger_than_the_limit_are_all_sent(
    make_pipeline, objects, layout, partition
):
    pipeline = make_pipeline(
        record={"policies": {"oversized": "quarantine"}}, shards={"max_bytes": 20}
    )
    index = extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, layout)
    assert (index.records, index.quarantined) == (3, 0)


def test_a_partition_of_records_that_are_all_too_large_has_no_shard(
    make_pipeline, objects, layout, partition
):
    pipeline = make_pipeline(
        record={"policies": {"oversized": "quarantine"}}, shards={"max_bytes": 5}
    )
    index = extract(pipeline, partition, RowsSource(COLUMNS, ROWS), objects, layout)
    assert (index.records, index.shards, index.quarantined) == (0, (), 3)
