"""The first records of a source, and what reads them no further."""

import pytest

from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline import Extract
from batch_transform.scoring.sources.protocol import Lines
from batch_transform.scoring.sources.sample import Sample, share_of
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.testing import RowsSource

COLUMNS = ["apple_id", "weight", "colour"]
ROWS = [[number, 100, "red"] for number in range(30_000)]


@pytest.mark.parametrize("records", [1, 9_999, 10_000, 10_001, 25_000, 30_000, 99_999])
def test_a_sample_is_the_first_records(make_pipeline, partition, objects, layout, records):
    source = Sample(RowsSource(COLUMNS, ROWS), records)
    index = extract(make_pipeline(), partition, source, objects, layout)
    assert index.records == min(records, len(ROWS))
    assert (index.shards[0].first_id, index.shards[-1].last_id) == ((0,), (index.records - 1,))
    assert ExtractIndex.from_json(objects.get(layout.index)) == index


def test_no_more_is_read_than_is_needed_and_the_source_is_closed(make_pipeline, partition):
    drawn, closed = [], []

    def blocks():
        try:
            for number in range(100):
                drawn.append(number)
                yield b"1,1,red\n" * 10
        finally:
            closed.append(True)

    class Endless:
        def lines(self, partition, pipeline):
            columns = tuple(Column(name=name) for name in COLUMNS)
            return Lines(columns=columns, final_columns=lambda: columns, blocks=blocks())

    sampled = Sample(Endless(), 15).lines(partition, make_pipeline()).blocks
    assert b"".join(sampled).count(b"\n") == 15
    assert (drawn, closed) == ([0, 1], [True])


@pytest.mark.parametrize("records", [1, 2, 3, 4, 100])
def test_slices_share_a_sample(records):
    parts = slices(Extract(slices=3))
    shares = [share_of(records, part) for part in parts]
    assert sum(shares) == records
    assert max(shares) - min(shares) <= 1
    assert share_of(records, None) == records


def test_a_slice_without_a_share_reads_nothing(make_pipeline, partition):
    lines = Sample(RowsSource(COLUMNS, ROWS), 0).lines(partition, make_pipeline())
    assert list(lines.blocks) == []
