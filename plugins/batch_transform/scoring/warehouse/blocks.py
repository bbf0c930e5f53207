"""Staged rows as the bytes of PostgreSQL's binary COPY, which needs no quoting and loses nothing.

NumPy fills whole blocks at once: records of one width where no value is NULL or a text, else each
column at the places that the widths of all give it.
https://www.postgresql.org/docs/18/sql-copy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline.prediction_types import TYPES

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch

_POSTGRES_EPOCH = date(2000, 1, 1)
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no header extension
_TRAILER = b"\xff\xff"
_ROWS = 50_000
_BYTES = 4 << 20
_LENGTH = 4  # bytes of the length before each value, -1 for NULL


def blocks(staged: Staged, partition: date) -> Iterator[bytes]:
    """Yield the rows, each with the partition's date as its first column."""
    binary = [TYPES[column.type].binary for column in staged.columns]
    yield _HEADER
    for batch in staged.batches(_ROWS, _BYTES):
        is_plain = all(binary) and not any(column.null_count for column in batch.columns)
        block = _of_one_width if is_plain else _of_any_width
        yield block(batch, binary, (partition - _POSTGRES_EPOCH).days)
    yield _TRAILER


def _of_one_width(batch: RecordBatch, binary: Sequence[str | None], day: int) -> bytes:
    import numpy as np  # not at the top: Airflow parses the DAG often

    fields = [("count", ">i2"), ("date_length", ">i4"), ("date", ">i4")]
    for number, kind in enumerate(binary):
        fields += [(f"length{number}", ">i4"), (f"s{number}", str(kind))]
    rows = np.empty(batch.num_rows, dtype=fields)
    rows["count"], rows["date_length"], rows["date"] = len(binary) + 1, 4, day
    for number, kind in enumerate(binary):
        rows[f"length{number}"] = np.dtype(kind).itemsize
        rows[f"s{number}"] = _numbers(batch.column(number), kind)
    return rows.tobytes()


def _of_any_width(batch: RecordBatch, binary: Sequence[str | None], day: int) -> bytes:
    import numpy as np

    head = np.array([(len(binary) + 1, 4, day)], dtype=">i2,>i4,>i4").tobytes()
    columns = [
        (_lengths(column, kind), _content(column, kind))
        for column, kind in zip(batch.columns, binary, strict=True)
    ]
    widths = len(head) + sum(_LENGTH + np.maximum(lengths, 0) for lengths, _ in columns)
    ends = np.cumsum(widths)
    block = np.empty(ends[-1], dtype="u1")
    at = ends - widths
    block[at[:, None] + np.arange(len(head))] = np.frombuffer(head, dtype="u1")
    at = at + len(head)
    for lengths, content in columns:
        block[at[:, None] + np.arange(_LENGTH)] = _bytes_of(lengths.astype(">i4"))
        at = at + _LENGTH
        ends = at + np.maximum(lengths, 0)
        block[_between(at, ends, len(block))] = content
        at = ends
    return block.tobytes()


def _lengths(column: Array, kind: str | None) -> Any:
    """Return how many bytes each value has, -1 where it is NULL."""
    import numpy as np

    lengths = np.diff(_offsets(column)) if kind is None else np.dtype(kind).itemsize
    return np.where(_bits(column.is_valid()), lengths, -1)


def _content(column: Array, kind: str | None) -> Any:
    """Return the bytes of all values, one after another; NULL has none."""
    import numpy as np

    values = column.drop_null()
    if kind is not None:
        return _bytes_of(_numbers(values, kind).astype(kind)).reshape(-1)
    offsets, data = _offsets(values), values.buffers()[2]
    return np.frombuffer(data or b"", dtype="u1")[offsets[0] : offsets[-1]]


# Arrow's own way to NumPy imports pandas, which takes as long as 200,000 rows.


def _numbers(column: Array, kind: str | None) -> Any:
    """Return the values of a column without NULLs whose type has one width."""
    import numpy as np

    if column.type == "bool":
        return _bits(column)
    native = np.dtype(kind).newbyteorder("<")
    values = np.frombuffer(column.buffers()[1] or b"", dtype=native)
    return values[column.offset : column.offset + len(column)]


def _bits(column: Array) -> Any:
    import numpy as np

    bits = np.frombuffer(column.buffers()[1] or b"", dtype="u1")
    end = column.offset + len(column)
    return np.unpackbits(bits, count=end, bitorder="little")[column.offset :].view("?")


def _offsets(column: Array) -> Any:
    """Return where the bytes of each text begin, and where the last ones end."""
    import numpy as np

    offsets = np.frombuffer(column.buffers()[1] or bytes(_LENGTH), dtype="<i4")
    return offsets[column.offset : column.offset + len(column) + 1]


def _bytes_of(values: Any) -> Any:
    return values.view("u1").reshape(len(values), values.itemsize)


def _between(starts: Any, ends: Any, size: int) -> Any:
    """Mark the places from each start to before its end; neighbours do not touch."""
    import numpy as np

    marks = np.zeros(size + 1, dtype="i1")
    some = starts < ends
    marks[starts[some]] = 1
    marks[ends[some]] = -1
    return np.cumsum(marks[:-1], dtype="i1").astype(bool)
