"""Decompressing an object while it is read."""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING

from sagemaker_local.agent.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 1 << 20


_MAGIC = b"\x1f\x8b"


def gunzip_if_it_is(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The plain bytes of gzip; other bytes as they are."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= len(_MAGIC):
            break
    whole = itertools.chain((first,), chunks)
    return gunzip(whole) if first.startswith(_MAGIC) else whole


def gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The plain bytes of gzip members one after another, in chunks of at most 1 MiB.

    Raises:
        RecordError: the object is not gzip, is damaged or cut off.
    """
    unzip = zlib.decompressobj(wbits=31)
    begun = False
    for chunk in chunks:
        data = chunk
        while data:
            if unzip.eof:
                unzip = zlib.decompressobj(wbits=31)
            try:
                plain = unzip.decompress(data, _MOST)
            except zlib.error as error:
                raise RecordError(f"Failed to decompress the object: {error}") from error
            begun = True
            data = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
            if plain:
                yield plain
    if begun and not unzip.eof:
        raise RecordError("Failed to decompress the object: unexpected end")
