"""Packing records into requests: as many whole records as fit, in order, never an empty request."""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sagemaker_local.agent import split
from sagemaker_local.agent.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sagemaker_local.agent.plan import Plan
    from sagemaker_local.agent.processing import Processor
    from sagemaker_local.agent.sending import Body


class Batch(NamedTuple):
    """One request: its body, and the records its reply is joined with.

    The records are a list, or one run of bytes that is split only when they are needed.
    """

    body: Body
    records: bytes | list[bytes]


class Item(NamedTuple):
    """One record: what is sent, and what it was."""

    body: bytes
    record: bytes


PIECE_OF_UNLIMITED = 6 << 20
"""Bytes in a request when MaxPayloadInMB is 0 but replies are read, which needs records at hand."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How records become requests.

    Args:
        split_type: SplitType of the job.
        single: whether each record is a request of its own.
        limit: most bytes in a request; None is no limit, and requests are then chunked.
    """

    split_type: str
    single: bool
    limit: int | None
    keep_line_ends: bool = True
    strip_carriage_returns: bool = False
    blank_lines: str = "send"
    empty_objects: str = "by-split"
    always_chunked: bool = False
    whole_if_unsplittable: bool = True

    @property
    def room(self) -> int:
        """Bytes up to which records are packed together."""
        return PIECE_OF_UNLIMITED if self.limit is None else self.limit

    @classmethod
    def of(cls, plan: Plan, *, strategy: str, megabytes: int) -> Packing:
        """The packing of a job, given the effective parameters."""
        size = int(megabytes * plan.switches["bytes_per_mb"])
        return cls(
            split_type=plan.split_type,
            single=strategy == "SingleRecord",
            limit=size or None,
            keep_line_ends=plan.switches["line_ends_in_requests"] == "keep",
            strip_carriage_returns=plan.switches["carriage_returns"] == "strip",
            blank_lines=plan.switches["blank_lines"],
            empty_objects=plan.switches["empty_objects"],
            always_chunked=plan.switches["chunked_requests"] == "always",
            whole_if_unsplittable=plan.switches["unsplittable"] == "whole",
        )


@dataclass(frozen=True, kw_only=True)
class Packer:
    """Turns one object into requests."""

    packing: Packing
    processor: Processor | None = field(default=None)

    def batches(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
        """The requests of one object, in its order.

        Args:
            open_object: gives the object's (decompressed) bytes; called again for a retry of a
                request that is streamed.

        Raises:
            ObjectError: the object cannot be read, split or filtered.
        """
        batches = self._batches(open_object)
        if self.packing.empty_objects != "by-split":
            batches = self._of_an_empty_one(batches)
        if self.packing.limit is None or self.packing.always_chunked:
            return map(_chunked, batches)
        return batches

    def _of_an_empty_one(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The requests, where an empty object makes one or none whatever the SplitType."""
        first = next(batches, Batch(b"", b""))
        if first.body != b"" or self.packing.empty_objects == "send":
            yield first
        yield from batches

    def _batches(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
        kind = self.packing.split_type
        if kind == "Line":
            return self._lines(open_object)
        if kind == "None":
            return self._whole(open_object)
        return self._frames(open_object, kind)

    def _lines(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
        packing = self.packing
        if packing.limit is None and not packing.single and not self._reads_replies:
            return streamed(functools.partial(self._sent_lines, open_object))
        if not self._sends_bytes_as_they_are:
            groups = split.line_groups(open_object(), packing.limit)
            return pack(itertools.chain.from_iterable(map(self._items, groups)), packing)
        if packing.single:
            groups = split.line_groups(open_object(), packing.limit)
            lines = itertools.chain.from_iterable(groups)
            return (Batch(_fitted(line, packing.limit), line) for line in lines)
        runs = split.line_blocks(open_object(), packing.room, packing.limit)
        return (Batch(_fitted(run, packing.limit), run) for run in runs)

    @property
    def _reads_replies(self) -> bool:
        return self.processor is not None and self.processor.reads_replies

    @property
    def _sends_bytes_as_they_are(self) -> bool:
        filtered = self.processor is not None and self.processor.filters_input
        packing = self.packing
        lines = packing.keep_line_ends and not packing.strip_carriage_returns
        return lines and not filtered and packing.blank_lines == "send"

    def _sent_lines(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        """What is sent of an object that is one request, in pieces."""
        if self._sends_bytes_as_they_are:
            yield from open_object()
            return
        held = b""
        for group in split.line_groups(open_object(), None):
            yield held
            held = b"".join([item.body for item in self._items(group)])
        yield held if self.packing.keep_line_ends else held.removesuffix(b"\n")

    def _items(self, lines: list[bytes]) -> Iterator[Item]:
        if self.packing.blank_lines == "skip":
            lines = [line for line in lines if line.strip()]
        sent = lines if self.processor is None else self.processor.requests(lines)
        if self.packing.strip_carriage_returns:
            sent = [re.sub(rb"\r(\n?)$", rb"\1", line) for line in sent]
        return map(Item, sent, lines)

    def _whole(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
        if self.packing.limit is None and self.processor is None:
            skips = self.packing.empty_objects == "skip"
            yield from streamed(open_object) if skips else [Batch(open_object, b"")]
            return
        body = _joined(open_object(), self.packing.limit)
        if self.processor is None:
            yield Batch(body, b"")
            return
        records = self.processor.records_of(body)
        items = list(self._items(records))
        yield Batch(b"".join([item.body for item in items]), [item.record for item in items])

    def _frames(self, open_object: Callable[[], Iterator[bytes]], kind: str) -> Iterator[Batch]:
        packing, framing = self.packing, split.FRAMINGS[kind]
        source = split.Buffered(open_object())
        if not framing.starts(source) and packing.whole_if_unsplittable:
            return self._unsplit(open_object, source)
        if packing.limit is None and not packing.single:
            return streamed(lambda: framing.frames(split.Buffered(open_object()), None))
        shape = framing.payload if packing.single else bytes
        items = (Item(shape(frame), b"") for frame in framing.frames(source, packing.limit))
        return pack(items, packing)

    def _unsplit(
        self, open_object: Callable[[], Iterator[bytes]], source: split.Buffered
    ) -> Iterator[Batch]:
        if self.packing.limit is None:
            yield from streamed(open_object)
        elif body := _joined(source.rest(), self.packing.limit):
            yield Batch(body, b"")


def streamed(chunks: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
    """All of an object as one chunked request, unless there is nothing to send."""
    if any(chunks()):
        yield Batch(lambda: _of_a_block(chunks()), b"")


def _of_a_block(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of about a block, however small they come."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= split.BLOCK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _chunked(batch: Batch) -> Batch:
    """The batch with a body that is sent in chunks, as every one is when there is no limit."""
    body = batch.body
    return batch._replace(body=lambda: iter((body,))) if isinstance(body, bytes) else batch


def pack(items: Iterable[Item], packing: Packing) -> Iterator[Batch]:
    """Requests of one item each, or of as many whole items as fit.

    Raises:
        RecordError: one item alone does not fit.
    """
    held: list[Item] = []
    size = 0
    for item in items:
        length = len(item.body)
        full = size + length > packing.room
        if held and (full or packing.single):
            yield _batch(held, packing)
            held, size = [], 0
        held.append(item)
        size += length
    if held:
        yield _batch(held, packing)


def _batch(items: list[Item], packing: Packing) -> Batch:
    body = b"".join([item.body for item in items])
    if not packing.keep_line_ends and packing.split_type == "Line":
        body = body.removesuffix(b"\n")
    return Batch(_fitted(body, packing.limit), [item.record for item in items])


def _fitted(body: bytes, limit: int | None) -> bytes:
    r"""The body, less a final `\n` that alone takes it over the limit."""
    if limit is None or len(body) <= limit:
        return body
    if len(body) == limit + 1 and body.endswith(b"\n"):
        return body[:-1]
    raise split.too_large(limit)


def _joined(chunks: Iterator[bytes], limit: int | None) -> bytes:
    pieces, size = [], 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            raise RecordError(
                f"the object is larger than the maximum payload of {limit} bytes; "
                "split it or raise MaxPayloadInMB"
            )
    return b"".join(pieces)
