"""Packing records into requests: as many whole records as fit, in order, never an empty request."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from local.aws.agent import split
from local.aws.agent.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from local.aws.agent.channel import Body
    from local.aws.agent.plan import Plan
    from local.aws.agent.processing import Processor


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


UNLIMITED_WITH_PROCESSING = 100 << 20
"""Bytes in a request when MaxPayloadInMB is 0 but records are joined, which needs them at hand."""


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
    blank_lines: str = "send"
    whole_if_unsplittable: bool = True

    @classmethod
    def of(cls, plan: Plan, *, strategy: str, megabytes: int) -> Packing:
        """The packing of a job, given the effective parameters."""
        size = int(megabytes * plan.switches["bytes_per_mb"])
        return cls(
            split_type=plan.split_type,
            single=strategy == "SingleRecord",
            limit=size or None,
            keep_line_ends=plan.switches["line_ends_in_requests"] == "keep",
            blank_lines=plan.switches["blank_lines"],
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
        kind = self.packing.split_type
        if kind == "Line":
            return self._lines(open_object)
        if kind == "None":
            return self._whole(open_object)
        return self._frames(open_object, kind)

    def _lines(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
        packing = self.packing
        if not self._sends_bytes_as_they_are:
            groups = split.line_groups(open_object(), packing.limit)
            return pack(itertools.chain.from_iterable(map(self._items, groups)), packing)
        if packing.single:
            groups = split.line_groups(open_object(), packing.limit)
            lines = itertools.chain.from_iterable(groups)
            return (Batch(_fitted(line, packing.limit), line) for line in lines)
        if packing.limit is None and self.processor is None:
            return self._streamed(open_object)
        limit = packing.limit or UNLIMITED_WITH_PROCESSING
        runs = split.line_blocks(open_object(), limit, packing.limit)
        return (Batch(_fitted(run, packing.limit), run) for run in runs)

    @property
    def _sends_bytes_as_they_are(self) -> bool:
        filtered = self.processor is not None and self.processor.filters_input
        packing = self.packing
        return not filtered and packing.keep_line_ends and packing.blank_lines == "send"

    def _items(self, lines: list[bytes]) -> Iterator[Item]:
        if self.packing.blank_lines == "skip":
            lines = [line for line in lines if line.strip()]
        if self.processor is None:
            return map(Item, lines, lines)
        return map(Item, self.processor.requests(lines), lines)

    def _streamed(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
        """The whole object as one chunked request, unless there is nothing in it."""
        if next(open_object(), b""):
            yield Batch(open_object, b"")

    def _whole(self, open_object: Callable[[], Iterator[bytes]]) -> Iterator[Batch]:
        if self.packing.limit is None and self.processor is None:
            yield Batch(open_object, b"")
            return
        body = _joined(open_object(), self.packing.limit)
        if self.processor is None:
            yield Batch(body, b"")
            return
        records = self.processor.records_of(body)
        items = list(self._items(records))
        yield Batch(b"".join([item.body for item in items]), [item.record for item in items])

    def _frames(self, open_object: Callable[[], Iterator[bytes]], kind: str) -> Iterator[Batch]:
        source = split.Buffered(open_object())
        if kind == "RecordIO":
            starts, frames, payload = (
                split.starts_recordio(source),
                split.recordio_frames,
                split.recordio_payload,
            )
        else:
            starts, frames, payload = (
                split.starts_tfrecord(source),
                split.tfrecord_frames,
                split.tfrecord_payload,
            )
        if not starts and self.packing.whole_if_unsplittable:
            body = _joined(source.rest(), self.packing.limit)
            if body:
                yield Batch(body, b"")
            return
        shape = payload if self.packing.single else bytes
        items = (Item(shape(frame), b"") for frame in frames(source, self.packing.limit))
        yield from pack(items, self.packing)


def pack(items: Iterable[Item], packing: Packing) -> Iterator[Batch]:
    """Requests of one item each, or of as many whole items as fit.

    Raises:
        RecordError: one item alone does not fit.
    """
    held: list[Item] = []
    size = 0
    for item in items:
        length = len(item.body)
        full = packing.limit is not None and size + length > packing.limit
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
