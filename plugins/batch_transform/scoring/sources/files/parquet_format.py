"""Parquet files: typed, and read a part of a row group at a time.

https://arrow.apache.org/docs/python/generated/pyarrow.parquet.ParquetFile.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from batch_transform.scoring.aws.objects import ObjectStore, StoredObject
from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.records.encoder import CHUNK_ROWS
from batch_transform.scoring.sources.files.arrow_values import kind_of_arrow

_TAIL_BYTES = 64 << 10  # which most footers fit into
_BUFFER_BYTES = 1 << 20  # without it a whole column of a row group is in memory at once


@dataclass(frozen=True, kw_only=True)
class ParquetFile:
    """One file, opened.

    Attributes:
        columns: all that it has.
        types: their Arrow types, by name.
        batches: reads the rows, in these columns and their order.
    """

    columns: tuple[Column, ...]
    types: dict[str, Any]
    batches: Callable[[Sequence[str]], Iterator[Any]]


def open_parquet(path: Path) -> ParquetFile:
    """Open a file.

    Raises:
        SourceError: here or while batches are drawn: it is not Parquet.
    """
    with _readable():
        # As nanoseconds, the old INT96 would silently wrap around beyond the year 2262.
        file = parquet.ParquetFile(
            path, buffer_size=_BUFFER_BYTES, pre_buffer=False, coerce_int96_timestamp_unit="us"
        )
        fields = list(file.schema_arrow)

    def batches(names: Sequence[str]) -> Iterator[Any]:
        with _readable(), file:
            read = file.iter_batches(CHUNK_ROWS, columns=list(names), use_threads=False)
            for batch in read:
                yield batch.select(list(names))

    return ParquetFile(
        columns=tuple(
            Column(name=field.name, kind=kind_of_arrow(field.type), source_type=str(field.type))
            for field in fields
        ),
        types={field.name: field.type for field in fields},
        batches=batches,
    )


def rows_in(path: Path) -> int:
    """Return how many rows a file has, as its footer says."""
    with _readable():
        count: int = parquet.read_metadata(path).num_rows
    return count


def rows_at(objects: ObjectStore, stored: StoredObject) -> int:
    """Return how many rows an object has, as its footer says; nothing else of it is read.

    https://parquet.apache.org/docs/file-format/
    """
    tail = objects.tail(stored, _TAIL_BYTES)
    footer = int.from_bytes(tail[-8:-4], "little") + 8
    if footer > len(tail):
        tail = objects.tail(stored, footer)
    with _readable():
        count: int = parquet.read_metadata(pa.BufferReader(tail)).num_rows
    return count


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"it cannot be read as Parquet: {error}") from error
