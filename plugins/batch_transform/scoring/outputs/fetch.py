"""Brings shards and their outputs to the worker's disk, ahead of what is being read.

One pair ahead where shards are large, several at once where they are small.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import OutputError, Unreachable
from batch_transform.scoring.extract.index import Shard
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.coverage import Part

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + 15  # a gzip header, and the largest window
_PIECE = 1 << 20
_AT_ONCE = 8
_TRIES = 3
_AHEAD_BYTES = 16 << 20  # of shards as they are stored


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A part and its output as plain, decompressed files.

    Attributes:
        part: which records they are.
        sent: the records.
        answered: the output.
        lines: how many lines the output has.
    """

    part: Part
    sent: Path
    answered: Path
    lines: int

    @property
    def shard(self) -> Shard:
        """The object that was sent."""
        return self.part.sent


def fetched(parts: Sequence[Part], objects: ObjectStore, folder: Path) -> Generator[Fetched]:
    """Yield the files of each part in their order; they are gone on the next step.

    Raises:
        OutputError: what was sent is not what was recorded of it.
    """
    waiting = deque(enumerate(parts))
    coming: deque[tuple[Part, Future[Fetched]]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as pool:
        try:
            while waiting or coming:
                files = coming.popleft()[1].result() if coming else None
                while waiting and _has_room([part for part, _ in coming], waiting[0][1]):
                    number, part = waiting.popleft()
                    place = folder / f"part-{number}"
                    coming.append((part, pool.submit(_fetch, part, objects, place)))
                if files is not None:
                    yield files
                    files.sent.unlink()
                    files.answered.unlink()
        finally:
            pool.shutdown(cancel_futures=True)


def _has_room(coming: Sequence[Part], part: Part) -> bool:
    ahead = sum(each.sent.bytes for each in coming)
    return not coming or (len(coming) < _AT_ONCE and ahead + part.sent.bytes <= _AHEAD_BYTES)


def _fetch(part: Part, objects: ObjectStore, place: Path) -> Fetched:
    for _ in range(_TRIES - 1):
        with suppress(Unreachable):
            return _brought(part, objects, place)
    return _brought(part, objects, place)


def _brought(part: Part, objects: ObjectStore, place: Path) -> Fetched:
    sent, answered = place.with_suffix(".sent"), place.with_suffix(".answered")
    digest = hashlib.sha256()
    _write(_hashed(plain(objects.pieces(S3Uri.parse(part.sent_at))), digest), sent)
    if digest.hexdigest() != part.sent.records_sha256:
        raise other_records(part.sent_at)
    lines = _write(plain(objects.pieces(S3Uri.parse(part.answered_at))), answered)
    return Fetched(part=part, sent=sent, answered=answered, lines=lines)


def other_records(sent_at: str) -> OutputError:
    """Return the error of an object that a job was sent, and whose records are not the run's."""
    return OutputError(
        f"{sent_at} was sent to the transform job, and holds other records than this run's"
        " extract wrote: the job belongs to another extract, or the object was changed. Clear"
        " transform, which starts or finds this extract's own job; the target was not touched"
    )


def _hashed(pieces: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _write(pieces: Iterable[bytes], path: Path) -> int:
    """Write a file, and return how many lines it has."""
    lines, last = 0, b"\n"
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            lines += piece.count(b"\n")
            last = piece[-1:] or last
    return lines + (last != b"\n")


def plain(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a body, decompressed where it is gzip.

    Raises:
        OutputError: it is gzip, and ends before its end.
    """
    coming = iter(pieces)
    first = next(coming, b"")
    body = chain([first], coming)
    yield from _unpacked(body) if first.startswith(_GZIP_MAGIC) else body


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    from isal import isal_zlib  # not at the top: Airflow's parsing of the DAG must stay quick

    member = None
    for piece in pieces:
        rest = piece
        while rest:  # a gzip file may have several members
            member = member or isal_zlib.decompressobj(_GZIP_WINDOW)
            yield member.decompress(rest, _PIECE)
            rest = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                member = None
    if member is not None:
        raise OutputError("An output is gzip, but ends before its end; run the job again")
