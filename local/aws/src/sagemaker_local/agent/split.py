r"""Splitting an object into records, on bytes.

A splitter takes the chunks of an object and yields groups of records. How a record ends is part
of it: a Line record keeps its `\n`, a RecordIO or TFRecord record is a frame, so that gluing all
records together gives the object back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sagemaker_local.agent.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Generator

RECORDIO_MAGIC = 0xCED7230A
_MAGIC = struct.pack("<I", RECORDIO_MAGIC)
BLOCK = 1 << 20
"""About how much is split at a time, in bytes."""


def line_blocks(chunks: Iterator[bytes], block: int, limit: int | None) -> Iterator[bytes]:
    r"""Runs of whole lines, each as long as `block` bytes allow.

    A line longer than a block is a run of its own. The final `\n` of a lone line is not counted
    against `limit`.

    Raises:
        RecordError: a line is longer than `limit`.
    """
    pieces: list[bytes] = []
    held = 0
    for chunk in chunks:
        if held + len(chunk) <= block:
            pieces.append(chunk)
            held += len(chunk)
            continue
        cut = chunk.rfind(b"\n", 0, max(block - held, 0)) + 1
        if cut:
            yield b"".join([*pieces, chunk[:cut]])
            rest = chunk[cut:]
        else:
            rest = b"".join([*pieces, chunk])
        if len(rest) > block:
            rest = yield from _whole_lines(rest, block, limit)
        pieces, held = [rest], len(rest)
    if rest := b"".join(pieces):
        yield rest


def _whole_lines(buffer: bytes, block: int, limit: int | None) -> Generator[bytes, None, bytes]:
    """Yield runs of lines until at most a block, or an unfinished line, is left; return that."""
    start = 0
    while len(buffer) - start > block:
        end = buffer.rfind(b"\n", start, start + block) + 1
        if not end:
            end = buffer.find(b"\n", start + block) + 1
            size = (end - 1 if end else len(buffer)) - start
            if limit is not None and size > limit:
                raise too_large(limit)
            if not end:
                break
        yield buffer[start:end]
        start = end
    return buffer[start:]


def lines_of(block: bytes) -> list[bytes]:
    r"""The lines of a block, each with its `\n`; only the last one may lack it."""
    parts = block.split(b"\n")
    last = parts.pop()
    lines = [part + b"\n" for part in parts]
    if last:
        lines.append(last)
    return lines


def line_groups(chunks: Iterator[bytes], limit: int | None) -> Iterator[list[bytes]]:
    """Lines in groups of about a block. No line is longer than `limit`."""
    block = min(limit, BLOCK) if limit is not None else BLOCK
    return map(lines_of, line_blocks(chunks, block, limit))


class Buffered:
    """Reads exact lengths from chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = bytearray()

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes without taking them; fewer only at the end."""
        while len(self._buffer) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._buffer += chunk
        return bytes(self._buffer[:size])

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            RecordError: the object ends before.
        """
        taken = self.peek(size)
        if len(taken) < size:
            raise RecordError("unexpected end of the object in the middle of a record")
        del self._buffer[:size]
        return taken

    def rest(self) -> Iterator[bytes]:
        """Everything that was not taken."""
        if self._buffer:
            yield bytes(self._buffer)
        yield from self._chunks


def tfrecord_frames(source: Buffered, limit: int | None) -> Iterator[bytes]:
    """TFRecord frames: length (u64), its checksum, data, its checksum."""
    while head := source.peek(12):
        if len(head) < 12:
            raise RecordError("unexpected end of the object in the middle of a record")
        size: int = struct.unpack_from("<Q", head)[0]
        if limit is not None and size > limit:
            raise too_large(limit)
        yield source.take(16 + size)


def recordio_frames(source: Buffered, limit: int | None) -> Iterator[bytes]:
    """RecordIO frames: magic, flag and length, data, padding to four bytes.

    A record whose data holds the magic is several frames, flagged first, middle and last
    (https://mxnet.apache.org/versions/1.9.1/api/architecture/note_data_loading).
    """
    parts: list[bytes] = []
    while source.peek(1):
        head = source.peek(8)
        if len(head) < 8 or head[:4] != _MAGIC:
            raise RecordError("a RecordIO record does not start with its magic number")
        word: int = struct.unpack_from("<I", head, 4)[0]
        flag, size = word >> 29, word & 0x1FFFFFFF
        if limit is not None and size > limit:
            raise too_large(limit)
        parts.append(source.take(8 + size + (-size % 4)))
        if flag in {0, 3}:
            yield b"".join(parts)
            parts = []
    if parts:
        raise RecordError("the object ends in the middle of a RecordIO record")


def starts_recordio(source: Buffered) -> bool:
    """Whether the object begins like RecordIO."""
    return source.peek(4) == _MAGIC


def starts_tfrecord(source: Buffered) -> bool:
    """Whether the object begins like TFRecord: the checksum of the first length holds."""
    head = source.peek(12)
    return len(head) == 12 and head[8:] == masked_crc32c(head[:8])


def masked_crc32c(data: bytes) -> bytes:
    """The checksum TFRecord writes after lengths and data, as four bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    rotated = ((crc >> 15) | (crc << 17)) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)


def tfrecord_payload(frame: bytes) -> bytes:
    """The data of one TFRecord frame."""
    return frame[12:-4]


def recordio_payload(frame: bytes) -> bytes:
    """The data of one RecordIO record, framing and padding stripped."""
    payload, position = [], 0
    while position < len(frame):
        size = struct.unpack_from("<I", frame, position + 4)[0] & 0x1FFFFFFF
        payload.append(frame[position + 8 : position + 8 + size])
        position += 8 + size + (-size % 4)
    return _MAGIC.join(payload)


class Framing(NamedTuple):
    """How one kind of framed object is read."""

    starts: Callable[[Buffered], bool]
    frames: Callable[[Buffered, int | None], Iterator[bytes]]
    payload: Callable[[bytes], bytes]


FRAMINGS = {
    "RecordIO": Framing(starts_recordio, recordio_frames, recordio_payload),
    "TFRecord": Framing(starts_tfrecord, tfrecord_frames, tfrecord_payload),
}
"""SplitType to framing."""


def too_large(limit: int) -> RecordError:
    """The error of a record that does not fit into one request."""
    return RecordError(
        f"a record is larger than the maximum payload of {limit} bytes; raise MaxPayloadInMB"
    )
