"""Writes the pieces of one shard, and knows at its end what the index says of it.

The same records give the same bytes: no clock, and no file name or time in a gzip header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

from batch_transform.scoring.aws.upload import Upload
from batch_transform.scoring.extract.index import Shard
from batch_transform.scoring.extract.shards import Piece
from batch_transform.scoring.kinds import RecordId

# ISA-L's levels are 0 to 3; 3 packs flights a little better than zlib's 1, in a third of its time.
_GZIP_LEVEL = 3
_GZIP_WINDOW = 16 + 15  # the largest window, in a gzip frame: https://zlib.net/manual.html


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _compressor(compression: str) -> _Compressor:
    if compression == "none":
        return _Plain()
    from isal import isal_zlib  # not at the top: Airflow's parsing of the DAG must stay quick

    packer: _Compressor = isal_zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return packer


def write_shard(
    name: str,
    pieces: Iterable[Piece],
    upload: Upload,
    compression: str,
    read_id: Callable[[bytes], RecordId],
) -> Shard:
    """Write a shard of at least one piece to an upload."""
    packer = _compressor(compression)
    stored = hashlib.sha256()
    plain = stored if isinstance(packer, _Plain) else hashlib.sha256()
    size = records = 0
    first_line = last_line = b""

    def send(body: bytes) -> None:
        nonlocal size
        if body:
            stored.update(body)
            size += len(body)
            upload.write(body)

    for piece in pieces:
        first_line = first_line or piece.body[: piece.body.index(b"\n")]
        last_line = piece.body[piece.body.rfind(b"\n", 0, -1) + 1 : -1]
        records += piece.records
        if plain is not stored:
            plain.update(piece.body)
        send(packer.compress(piece.body))
    send(packer.flush())
    upload.close()
    return Shard(
        name=name,
        records=records,
        bytes=size,
        sha256=stored.hexdigest(),
        records_sha256=plain.hexdigest(),
        first_id=read_id(first_line),
        last_id=read_id(last_line),
    )
