"""Neighbouring records of one shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Neighbouring records of one shard; a tuple, since a run may have a million.

    Attributes:
        shard: number of the shard, from 0.
        first: number of the first record in it, from 0.
        records: how many.
    """

    shard: int
    first: int
    records: int

    def cut(self, parts: int) -> Iterator[Span]:
        """Yield nearly equal neighbouring spans, none of them empty."""
        if parts == 1:
            yield self
            return
        parts = min(parts, self.records)
        ends = [self.records * (number + 1) // parts for number in range(parts)]
        for start, end in zip([0, *ends], ends, strict=False):
            yield Span(shard=self.shard, first=self.first + start, records=end - start)


def spans_of(records: Sequence[int]) -> list[Span]:
    """Return the span of each whole shard, by how many records it has."""
    return [Span(shard=n, first=0, records=count) for n, count in enumerate(records)]
