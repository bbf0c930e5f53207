"""Rows that are ready for the target, in Parquet files on the worker's disk.

Nothing of the target is touched while outputs are read, and memory does not grow with the rows:
DuckDB would fill what memory it may with the pages of a table, and streams files.
https://duckdb.org/docs/current/guides/performance/environment
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_transform.scoring.pipeline.prediction_types import TYPES, TypeName
from batch_transform.scoring.queries import queries

_SQL = Path(__file__).parent / "queries.sql"
_PIECE = "staged-{}.parquet"
_MEMORY = "128MB"
_THREADS = 2  # each has 32 MB of JSON Lines in memory: with more of them _MEMORY is too little


@dataclass(frozen=True, kw_only=True)
class StagedColumn:
    """A column of the target, other than the partition's date.

    Attributes:
        name: its name in the target.
        type: name of one of the types of predictions.
        nullable: whether it may be NULL.
    """

    name: str
    type: TypeName
    nullable: bool = False

    @property
    def sql(self) -> str:
        """The type's name in DuckDB."""
        return TYPES[self.type].duckdb


class Staged:
    """The relation ``staged``, with a column ``s0``, ``s1`` … for each of the target's."""

    def __init__(self, folder: Path, columns: Sequence[StagedColumn]) -> None:
        """Begin without a row, with files below ``folder``."""
        import duckdb  # not at the top: it takes a while, and Airflow parses the DAG often

        self.columns = tuple(columns)
        self.folder = folder
        self._connection = duckdb.connect(
            config={
                "memory_limit": _MEMORY,
                "threads": _THREADS,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": "false",
            },
        )
        self._pieces: list[int] = []
        self.add("read_nothing", columns=self._listed("NULL::{sql}"))
        self.run("create_staged", files=literal(str(folder / _PIECE.format("*"))))

    def run(self, name: str, parameters: Sequence[Any] = (), **parts: str) -> list[tuple[Any, ...]]:
        """Run a statement of ``queries.sql`` with its parts filled in."""
        statement = queries(_SQL)[name].format(**parts)
        return self._connection.execute(statement, list(parameters)).fetchall()

    def add(self, name: str, parameters: Sequence[Any] = (), **parts: str) -> None:
        """Stage the rows of a query of ``queries.sql``; its columns are the target's, in order."""
        query = queries(_SQL)[name].format(**parts)
        ((count,),) = self.run(
            "keep",
            parameters,
            query=query,
            columns=self._listed("s{n}"),
            path=literal(str(self._piece(len(self._pieces)))),
        )
        self._pieces.append(int(count))

    def add_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Stage rows that were read one by one; texts of numbers become numbers."""
        path = self.folder / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{','.join(map(_quoted, row))}\n" for row in rows)
        columns = [f"'s{n}': '{column.sql}'" for n, column in enumerate(self.columns)]
        self.add("read_rows", [str(path)], columns=f"{{{', '.join(columns)}}}")
        path.unlink()

    def count(self) -> int:
        """Return how many rows are staged."""
        return sum(self._pieces)

    def arrays(self, rows: int) -> Iterator[Mapping[str, Any]]:
        """Yield the columns ``s0``, ``s1`` … as NumPy arrays, at most ``rows`` at a time."""
        statement = queries(_SQL)["read_piece"].format(columns=self._listed("s{n}"))
        for number, count in enumerate(self._pieces):
            for start in range(0, count, rows):
                bounds = [str(self._piece(number)), start, start + rows]
                yield self._connection.execute(statement, bounds).fetchnumpy()

    def export_csv(self, path: Path, first: str) -> None:
        """Write all rows as CSV for PostgreSQL, with the SQL value ``first`` before each."""
        columns = f"{first}, {self._listed('s{n}')}"
        self.run("export_csv", columns=columns, path=literal(str(path)))

    def export_parquet(self, path: Path, rows: tuple[int, int]) -> None:
        """Write the rows from the first of ``rows`` to before the last as Parquet, with names."""
        named = [f"s{n} AS {_name(column.name)}" for n, column in enumerate(self.columns)]
        start, end = rows
        where = literal(str(path))
        self.run(
            "export_parquet",
            columns=", ".join(named),
            path=where,
            start=str(start),
            count=str(end - start),
        )

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _piece(self, number: int) -> Path:
        return self.folder / _PIECE.format(f"{number:06d}")

    def _listed(self, each: str) -> str:
        columns = enumerate(self.columns)
        return ", ".join(each.format(n=n, sql=column.sql) for n, column in columns)


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


def _quoted(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    return '"' + text.replace('"', '""') + '"'
