"""The first records of a source: what a run scores that is to try something out."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from typing_extensions import override

from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.sources.protocol import Expected, Lines, Source
from batch_transform.scoring.sources.slices import Slice


class Sample(Source):
    """A source that ends after so many records."""

    def __init__(self, source: Source, records: int) -> None:
        """Take the first records of another source, in its order."""
        self._source = source
        self._records = records

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        found = self._source.expected(partition, pipeline)
        if found.rows is None:
            return replace(found, size=None, told_by=f"a sample of {self._records} at most")
        return replace(found, rows=min(found.rows, self._records), size=None)

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        return self._source.is_there(partition, pipeline)

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        lines = self._source.lines(partition, pipeline)
        return replace(lines, blocks=_first(lines.blocks, self._records))


def share_of(records: int, part: Slice | None) -> int:
    """Return how many records of a sample are of a slice: as many as of others, or one more."""
    if part is None:
        return records
    return records // part.count + (part.number < records % part.count)


def _first(blocks: Generator[bytes], records: int) -> Generator[bytes]:
    with closing(blocks):
        while records:
            block = next(blocks, b"")
            count = min(records, block.count(b"\n"))
            if not count:
                return
            yield _lines(block, count)
            records -= count


def _lines(block: bytes, count: int) -> bytes:
    end = 0
    for _ in range(count):
        end = block.index(b"\n", end) + 1
    return block[:end]
