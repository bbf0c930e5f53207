"""Brings shards and their outputs to the worker's disk, one ahead of what is being read."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.names import S3Uri, output_name
from batch_transform.scoring.outputs.coverage import Coverage, Part

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_PIECE = 1 << 20
_NAMED = 10


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


def find_outputs(index: ExtractIndex, objects: ObjectStore, prefix: S3Uri) -> Mapping[str, S3Uri]:
    """Find each shard's output by name, anywhere below ``prefix``.

    The documented layouts below an output path contradict each other.

    Raises:
        OutputError: outputs are missing, come twice, or are those of no shard; all are named.
    """
    wanted = {output_name(shard.name): shard.name for shard in index.shards}
    found: dict[str, list[S3Uri]] = {}
    for uri in objects.keys(prefix):
        if uri.key.endswith(output_name("")):
            found.setdefault(uri.key.rsplit("/", 1)[-1], []).append(uri)
    problems = [
        *_listed("without an output", [wanted[name] for name in wanted if name not in found]),
        *_listed("with two outputs", [wanted[n] for n in wanted if len(found.get(n, ())) > 1]),
        *_listed("unknown, but has an output", [name for name in found if name not in wanted]),
    ]
    if problems:
        raise OutputError(
            f"The outputs below {prefix} are not those of the {len(index.shards)} shards; the log"
            f" of the transform job says why. Shards {'; shards '.join(problems)}"
        )
    return {shard: found[name][0] for name, shard in wanted.items()}


def covered(index: ExtractIndex, objects: ObjectStore, inputs: S3Uri, outputs: S3Uri) -> Coverage:
    """Cover every shard below ``inputs`` with its output below ``outputs``.

    Raises:
        OutputError: outputs are missing, come twice, or are those of no shard.
    """
    return Coverage.of_job(index, inputs, find_outputs(index, objects, outputs))


def fetched(parts: Sequence[Part], objects: ObjectStore, folder: Path) -> Generator[Fetched]:
    """Yield the files of each part in their order; they are gone on the next step.

    Raises:
        OutputError: what was sent is not what was recorded of it.
    """

    def fetch(part: Part) -> Fetched:
        sent, answered = folder / part.sent.name, folder / output_name(part.sent.name)
        _write_plain(_checked(objects.get(S3Uri.parse(part.sent_at)), part.sent), sent)
        lines = _write_plain(objects.get(S3Uri.parse(part.answered_at)), answered)
        return Fetched(part=part, sent=sent, answered=answered, lines=lines)

    with ThreadPoolExecutor(1) as pool:
        coming: Future[Fetched] | None = None
        for following in chain(parts, [None]):
            files = coming.result() if coming else None
            coming = pool.submit(fetch, following) if following else None
            if files is not None:
                yield files
                files.sent.unlink()
                files.answered.unlink()


def _listed(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = ", …" if len(names) > _NAMED else ""
        yield f"{what}: {len(names)} ({', '.join(names[:_NAMED])}{more})"


def _checked(body: bytes, shard: Shard) -> bytes:
    if hashlib.sha256(body).hexdigest() != shard.sha256:
        raise OutputError(
            f"Shard {shard.name} is not what the extract wrote: its SHA-256 differs from that in"
            " index.json; run the extract again"
        )
    return body


def _write_plain(body: bytes, path: Path) -> int:
    """Write a body, decompressed where it is gzip, and return how many lines it has."""
    lines, last = 0, b"\n"
    with path.open("wb") as file:
        for piece in plain(body):
            file.write(piece)
            lines += piece.count(b"\n")
            last = piece[-1:] or last
    return lines + (last != b"\n")


def plain(body: bytes) -> Iterator[bytes]:
    """Yield a body, decompressed where it is gzip.

    Raises:
        OutputError: it is gzip, and ends before its end.
    """
    if not body.startswith(_GZIP_MAGIC):
        yield body
        return
    rest = body
    while rest:  # a gzip file may have several members
        member = zlib.decompressobj(_GZIP_WINDOW)
        while rest and not member.eof:
            piece = member.decompress(rest, _PIECE)
            rest = member.unused_data if member.eof else member.unconsumed_tail
            yield piece
        if not member.eof:
            raise OutputError("An output is gzip, but ends before its end; run the job again")
