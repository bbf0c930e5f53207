"""The ids of records: read back from their lines, and proven to be different."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, RecordId, Row
from batch_transform.scoring.pipeline.record import Record
from batch_transform.scoring.records.csvfields import csv_fields

_DIGEST_BYTES = 16
_ROWS_A_PASS = 500_000  # 8 MB of digests in memory, however many rows there are


def identity_reader(record: Record, columns: Sequence[Column]) -> Callable[[bytes], RecordId]:
    """Return a function that reads the id from a record's line."""
    if record.format == "jsonl":
        return lambda line: tuple(json.loads(line)[name] for name in record.id)
    types = [int if column.kind == "integer" else str for column in columns[: len(record.id)]]

    def read(line: bytes) -> RecordId:
        fields = csv_fields(line.decode(), len(types))
        return tuple(kind(field) for kind, field in zip(types, fields, strict=True))

    return read


def distinct(chunks: Iterable[list[Row]], record: Record) -> Iterator[list[Row]]:
    """Pass chunks of rows through, and prove at the end that no id came twice.

    A digest of each id goes to a temporary file, which is then read as often as it takes to
    compare the digests a part at a time: memory does not grow with the rows.

    Raises:
        SourceError: two rows have one id.
    """
    width, count = len(record.id), 0
    with tempfile.TemporaryFile() as digests:
        for chunk in chunks:
            digests.write(b"".join(_digest(row[:width]) for row in chunk))
            count += len(chunk)
            yield chunk
        passes = -(-count // _ROWS_A_PASS)
        for number in range(passes):
            doubled = _doubled(digests, number, passes)
            if doubled is not None:
                raise SourceError(
                    f"Two rows have the same {', '.join(record.id)}: rows {doubled[0]} and"
                    f" {doubled[1]} in the order of the source; an id names one row"
                )


def _doubled(digests: IO[bytes], number: int, passes: int) -> tuple[int, int] | None:
    """Find two equal digests among those of one pass, and return the numbers of their rows."""
    import numpy as np  # not at the top: Airflow's parsing of the DAG must stay quick

    digests.seek(0)
    kept, places, start = [], [], 0
    while part := digests.read(_DIGEST_BYTES * _ROWS_A_PASS):
        halves = np.frombuffer(part, dtype="<u8").reshape(-1, 2)
        mine = np.flatnonzero(halves[:, 0] % passes == number)
        kept.append(halves[mine])
        places.append(mine + start)
        start += len(halves)
    halves, rows = np.concatenate(kept), np.concatenate(places)
    order = np.lexsort((rows, halves[:, 1], halves[:, 0]))
    same = np.flatnonzero((halves[order[1:]] == halves[order[:-1]]).all(axis=1))
    if not len(same):
        return None
    at = int(same[np.argmin(rows[order[same + 1]])])
    return int(rows[order[at]]) + 1, int(rows[order[at + 1]]) + 1


def _digest(identity: Sequence[Any]) -> bytes:
    return hashlib.blake2b(repr(tuple(identity)).encode(), digest_size=_DIGEST_BYTES).digest()
