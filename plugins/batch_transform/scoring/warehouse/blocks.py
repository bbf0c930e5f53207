"""Staged rows as the bytes that PostgreSQL's COPY takes.

Binary where every column has a fixed width and no NULL: PostgreSQL parses nothing, and NumPy fills
whole blocks at once. CSV otherwise.
https://www.postgresql.org/docs/18/sql-copy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline.prediction_types import TYPES

_POSTGRES_EPOCH = date(2000, 1, 1)
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no header extension
_TRAILER = b"\xff\xff"
_ROWS = 50_000
_BYTES = 1 << 18


def format_of(staged: Staged) -> str:
    """Return ``binary`` or ``csv``."""
    fixed = all(TYPES[each.type].binary and not each.nullable for each in staged.columns)
    return "binary" if fixed else "csv"


def blocks(staged: Staged, partition: date) -> Iterator[bytes]:
    """Yield the rows, each with the partition's date as its first column."""
    return _binary(staged, partition) if format_of(staged) == "binary" else _csv(staged, partition)


def _binary(staged: Staged, partition: date) -> Iterator[bytes]:
    import numpy as np  # not at the top: Airflow parses the DAG often

    fields: list[tuple[str, Any]] = [("count", ">i2"), ("date_length", ">i4"), ("date", ">i4")]
    for number, column in enumerate(staged.columns):
        fields += [(f"length{number}", ">i4"), (f"s{number}", TYPES[column.type].binary)]
    template = np.zeros(1, dtype=fields)
    template["count"] = len(staged.columns) + 1
    template["date_length"] = 4
    template["date"] = (partition - _POSTGRES_EPOCH).days
    for number, column in enumerate(staged.columns):
        template[f"length{number}"] = np.dtype(TYPES[column.type].binary).itemsize
    yield _HEADER
    for arrays in staged.arrays(_ROWS):
        yield _filled(template, arrays)
    yield _TRAILER


def _filled(template: Any, arrays: Mapping[str, Any]) -> bytes:
    rows = template.repeat(len(arrays["s0"]))
    for name, values in arrays.items():
        rows[name] = values
    body: bytes = rows.tobytes()
    return body


def _csv(staged: Staged, partition: date) -> Iterator[bytes]:
    path = staged.folder / "copy.csv"
    staged.export_csv(path, f"DATE '{partition.isoformat()}'")
    try:
        with path.open("rb") as file:
            while block := file.read(_BYTES):
                yield block
    finally:
        path.unlink()
