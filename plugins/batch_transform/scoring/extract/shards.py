"""Cuts records into shards, the objects that SageMaker spreads over its instances.

Records come as blocks of whole lines and go as pieces of shards, so that no shard is ever held
whole. Where the cuts fall depends on the records alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from batch_transform.scoring.pipeline import Record, Shards

_EXTENSIONS = {
    ("csv", "none"): "csv",
    ("csv", "gzip"): "csv.gz",
    ("jsonl", "none"): "jsonl",
    ("jsonl", "gzip"): "jsonl.gz",
}
# A partition up to this size is held until its end is seen, and cut into equal parts.
_HELD_BYTES = 16_000_000
# A larger one begins with small shards, and a later one may have this share of an instance's part.
_SHARE = 4
_WINDOW_BYTES = 1 << 12


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some lines of a shard.

    Attributes:
        shard: number of the shard, from 0.
        body: whole lines, at least one.
        records: how many.
    """

    shard: int
    body: bytes
    records: int


def extension(record: Record) -> str:
    """Return the file extension of a shard."""
    return _EXTENSIONS[record.format, record.compression]


def cut(blocks: Iterable[bytes], limits: Shards) -> Iterator[Piece]:
    """Cut blocks of lines into shards in their order.

    No shard is empty, and none passes ``max_bytes`` or ``max_records``; no line may be longer than
    ``max_bytes``. There are at least ``min_count``, where there are as many lines. A small
    partition is cut into parts of equal record counts; of a large one the first shards are small
    and the later ones larger, so that no instance has much more to do than another, however large
    the partition turns out to be.
    """
    pending = iter(blocks)
    head, begun = _head(pending, limits)
    shards = 0
    for part in _equal_parts(head, limits.min_count):
        for piece in _Cutter(limits, least=limits.max_bytes, first=shards).cut(part):
            yield piece
        shards = piece.shard + 1
    least = min(limits.max_bytes, _HELD_BYTES // limits.min_count)
    rest = _Cutter(limits, least=least, first=shards, bytes_before=len(head))
    del head
    for block in chain([begun], pending):
        yield from rest.cut(block)


def _head(pending: Iterator[bytes], limits: Shards) -> tuple[bytes, bytes]:
    """Draw lines until they are enough to be cut, and return them and what was drawn beyond.

    How many are enough depends on the lines, not on the blocks in which they come.
    """
    held: list[bytes] = []
    size = lines = 0
    enough = min(_HELD_BYTES, limits.max_bytes * limits.min_count)
    for block in pending:
        if size + len(block) > enough and lines + block.count(b"\n") >= limits.min_count:
            end = block.index(b"\n", max(0, enough - size)) + 1
            end = max(end, _after_lines(block, 0, limits.min_count - lines))
            held.append(block[:end])
            return b"".join(held), block[end:]
        held.append(block)
        size += len(block)
        lines += block.count(b"\n")
    return b"".join(held), b""


def _equal_parts(body: bytes, count: int) -> Iterator[bytes]:
    lines = body.count(b"\n")
    start = 0
    for part in range(count):
        end = _after_lines(body, start, lines * (part + 1) // count - lines * part // count)
        if end > start:
            yield body[start:end]
        start = end


class _Cutter:
    """Cuts a stream of lines by a limit that grows with what has gone before."""

    def __init__(self, limits: Shards, *, least: int, first: int, bytes_before: int = 0) -> None:
        self._limits = limits
        self._least = least
        self._shard = first
        self._bytes = 0
        self._records = 0
        self._bytes_before = bytes_before

    def cut(self, block: bytes) -> Iterator[Piece]:
        """Cut one block of lines."""
        start = 0
        while start < len(block):
            end = self._end(block, start)
            if end == start:
                self._next_shard()
                continue
            body = block[start:end]
            piece = Piece(shard=self._shard, body=body, records=body.count(b"\n"))
            self._bytes += len(body)
            self._records += piece.records
            start = end
            yield piece

    def _end(self, block: bytes, start: int) -> int:
        """Find where the lines end that still go into this shard; ``start`` where none does."""
        room = self._room()
        end = max(start, block.rfind(b"\n", start, start + room) + 1)
        if self._limits.max_records is not None and end > start:
            end = min(end, _after_lines(block, start, self._limits.max_records - self._records))
        if end == start and not self._records:
            return block.index(b"\n", start) + 1
        return end

    def _room(self) -> int:
        share = self._bytes_before // (_SHARE * self._limits.min_count)
        return max(0, min(self._limits.max_bytes, max(self._least, share)) - self._bytes)

    def _next_shard(self) -> None:
        self._bytes_before += self._bytes
        self._shard += 1
        self._bytes = self._records = 0


def _after_lines(block: bytes, start: int, count: int) -> int:
    """Return where ``count`` lines from ``start`` on end, or the block does.

    Lines are counted a window at a time, so that what follows is not looked at.
    """
    end = start
    while count > 0 and end < len(block):
        lines = block.count(b"\n", end, end + _WINDOW_BYTES)
        if 0 < lines <= count:
            end = block.rindex(b"\n", end, end + _WINDOW_BYTES) + 1
        else:  # the last of them are in this window, or a line is longer than it
            lines = min(count, max(lines, 1))
            for _ in range(lines):
                end = block.index(b"\n", end) + 1
        count -= lines
    return end
