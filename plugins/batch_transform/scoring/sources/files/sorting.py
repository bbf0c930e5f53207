"""Rows in the order of their ids, however many there are: DuckDB sorts them, and spills to disk.

https://duckdb.org/docs/current/guides/performance/how_to_tune_workloads#spilling-to-disk
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from batch_transform.scoring.scratch import scratch_folder

_MEMORY = "400MB"
_ROWS = 4_096
_NEEDS = "the largest of the files, and for the rows to sort, uncompressed"


def ordered(query: str, schema: Any, incoming: Iterator[Any]) -> Generator[Any]:
    """Yield the batches of a query over a relation ``incoming``.

    It is drawn once, as it comes; an error of it is raised as it is. Slices are the way to use
    several cores, so one is used here.

    Raises:
        DiskFull: the worker's disk cannot hold what is sorted.
    """
    failures: list[BaseException] = []

    def drawn() -> Iterator[Any]:
        try:
            yield from incoming
        except BaseException as error:  # which would reach us as a text of DuckDB's
            failures.append(error)
            raise

    with scratch_folder("sort", _NEEDS) as folder, _connected(folder) as ours:
        ours.register("incoming", pa.RecordBatchReader.from_batches(schema, drawn()))
        try:
            with ours.sql(query).to_arrow_reader(_ROWS) as batches:
                yield from batches
        except (duckdb.Error, pa.ArrowException, OSError):
            if failures:
                raise failures[0] from None
            raise


def _connected(folder: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "memory_limit": _MEMORY,
            "threads": 1,
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": "false",
        }
    )
