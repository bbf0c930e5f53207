"""Rows that are ready for the target, in a DuckDB file on the worker's disk.

Nothing of the target is touched while outputs are read, and memory does not grow with the rows.
https://duckdb.org/docs/current/guides/performance/environment
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_SQL = Path(__file__).parent / "sql"
_MEMORY = "128MB"
_THREADS = 2  # each has 32 MB of JSON Lines in memory: with more of them _MEMORY is too little
_SQL_TYPES = {"bigint": "BIGINT", "text": "VARCHAR", "double": "DOUBLE", "boolean": "BOOLEAN"}


@dataclass(frozen=True, kw_only=True)
class StagedColumn:
    """A column of the target, other than the partition's date.

    Attributes:
        name: its name in the target.
        type: ``bigint``, ``text``, ``double`` or ``boolean``.
        nullable: whether it may be NULL.
    """

    name: str
    type: str
    nullable: bool = False

    @property
    def sql(self) -> str:
        """The type's name in DuckDB."""
        return _SQL_TYPES[self.type]


class Staged:
    """The table ``staged``, with a column ``s0``, ``s1`` … for each of the target's."""

    def __init__(self, folder: Path, columns: Sequence[StagedColumn]) -> None:
        """Make the table in a new database below ``folder``."""
        import duckdb  # not at the top: it takes a while, and Airflow parses the DAG often

        self.columns = tuple(columns)
        self.folder = folder
        self._connection = duckdb.connect(
            str(folder / "staged.duckdb"),
            config={
                "memory_limit": _MEMORY,
                "threads": _THREADS,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": "false",
            },
        )
        kinds = [f"s{n} {column.sql}" for n, column in enumerate(self.columns)]
        self.run("create_staged", columns=", ".join(kinds))

    def run(self, name: str, parameters: Sequence[Any] = (), **parts: str) -> list[tuple[Any, ...]]:
        """Run the statement of the file ``<name>.sql`` with its parts filled in."""
        statement = _statement(name).format(**parts)
        return self._connection.execute(statement, list(parameters)).fetchall()

    def add_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Stage rows that were read one by one; texts of numbers become numbers."""
        path = self.folder / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{','.join(map(_quoted, row))}\n" for row in rows)
        columns = [f"'s{n}': '{column.sql}'" for n, column in enumerate(self.columns)]
        self.run("stage_rows", [str(path)], columns=f"{{{', '.join(columns)}}}")
        path.unlink()

    def count(self) -> int:
        """Return how many rows are staged."""
        ((count,),) = self.run("count_staged")
        return int(count)

    def arrays(self, rows: int) -> Iterator[Mapping[str, Any]]:
        """Yield the columns ``s0``, ``s1`` … as NumPy arrays, at most ``rows`` at a time."""
        names = ", ".join(f"s{n}" for n in range(len(self.columns)))
        for start in range(0, self.count(), rows):
            statement = _statement("read_staged").format(columns=names)
            yield self._connection.execute(statement, [start, start + rows]).fetchnumpy()

    def export_csv(self, path: Path, first: str) -> None:
        """Write all rows as CSV for PostgreSQL, with the SQL value ``first`` before each."""
        columns = ", ".join([first, *(f"s{n}" for n in range(len(self.columns)))])
        self.run("export_csv", columns=columns, path=literal(str(path)))

    def export_parquet(self, path: Path, rows: tuple[int, int]) -> None:
        """Write the rows from the first of ``rows`` to before the last as Parquet, with names."""
        named = [f"s{n} AS {_name(column.name)}" for n, column in enumerate(self.columns)]
        start, end = (str(row) for row in rows)
        where = literal(str(path))
        self.run("export_parquet", columns=", ".join(named), path=where, start=start, end=end)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def literal(text: str) -> str:
    """Quote a text for a statement of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def staging(columns: Sequence[StagedColumn]) -> Iterator[Staged]:
    """Lend an empty stage in a temporary folder, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        staged = Staged(Path(os.fsdecode(folder)), columns)
        try:
            yield staged
        finally:
            staged.close()


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@cache
def _statement(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


def _quoted(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    return '"' + text.replace('"', '""') + '"'
