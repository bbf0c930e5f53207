"""DuckDB, which reads and writes the Parquet of COPY and UNLOAD."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@cache
def _database() -> DuckDBPyConnection:
    """The one of this process: to open another takes longer than most files do."""
    import duckdb

    return duckdb.connect()


def opened() -> DuckDBPyConnection:
    """A session of its own, to be closed."""
    return _database().cursor()
