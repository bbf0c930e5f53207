"""Brings shards and their outputs to the worker's disk, one ahead of what is being read."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from include.scoring.errors import OutputError
from include.scoring.index import ExtractIndex, Shard
from include.scoring.names import S3Uri, output_name
from include.scoring.objects import ObjectStore
from include.scoring.outputs.answers import Files

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_PIECE = 1 << 20
_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a partition's objects lie.

    Attributes:
        input: prefix of the shards.
        output: prefix of the transform job's outputs.
    """

    input: S3Uri
    output: S3Uri


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


def fetched(
    index: ExtractIndex, objects: ObjectStore, places: Places, folder: Path
) -> Generator[Files]:
    """Yield the files of each shard in the order of the index; they are gone on the next step.

    Raises:
        OutputError: outputs are missing, or a shard is not what the extract wrote.
    """
    outputs = find_outputs(index, objects, places.output)

    def fetch(shard: Shard) -> Files:
        sent, answered = folder / shard.name, folder / output_name(shard.name)
        _write_plain(_checked(objects.get(places.input / shard.name), shard), sent)
        lines = _write_plain(objects.get(outputs[shard.name]), answered)
        return Files(shard=shard, sent=sent, answered=answered, lines=lines)

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(fetch, index.shards[0]) if index.shards else None
        for following in [*index.shards[1:], None]:
            if coming is None:
                return
            files = coming.result()
            coming = pool.submit(fetch, following) if following else None
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
        for piece in _plain(body):
            file.write(piece)
            lines += piece.count(b"\n")
            last = piece[-1:] or last
    return lines + (last != b"\n")


def _plain(body: bytes) -> Iterator[bytes]:
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
