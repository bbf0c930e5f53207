"""Rows that are ready for the target, in Parquet files on the worker's disk.

Nothing of the target is touched while outputs are read, and memory does not grow with the rows:
DuckDB would fill what memory it may with the pages of a table, and streams files.
https://duckdb.org/docs/current/guides/performance/environment
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.pipeline.prediction_types import TYPES, TypeName
from batch_transform.scoring.queries import literal, queries, quoted
from batch_transform.scoring.scratch import scratch_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyarrow import RecordBatch

_SQL = Path(__file__).parent / "queries.sql"
_PIECE = "staged-{}.parquet"
_MEMORY = "128MB"
_THREADS = 2  # each has buffers of its own: with more of them _MEMORY is too little
_ROWS_A_CHUNK = 5_000
_ROWS_A_FILE = 1_000_000
_NEEDS = "two shards with their outputs, uncompressed, and for the rows of the partition"


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

    @property
    def arrow(self) -> str:
        """The type's name in Arrow."""
        return TYPES[self.type].arrow


class Staged:
    """The relation ``staged``, with a column ``s0``, ``s1`` … for each of the target's."""

    def __init__(self, folder: Path, columns: Sequence[StagedColumn]) -> None:
        """Begin without a row, with files below ``folder``."""
        self.columns = tuple(columns)
        self.folder = folder
        self._pieces: list[int] = []

    @cached_property
    def _connection(self) -> DuckDBPyConnection:
        """DuckDB, opened when it is asked for: many a load is of rows that need none of it."""
        import duckdb  # not at the top: it takes a while, and Airflow parses the DAG often

        connection = duckdb.connect(
            config={
                "memory_limit": _MEMORY,
                "threads": _THREADS,
                "temp_directory": str(self.folder / "spill"),
                "autoinstall_known_extensions": "false",
            },
        )
        connection.execute(self._relation())
        return connection

    @property
    def _is_open(self) -> bool:
        return "_connection" in vars(self)

    def _relation(self) -> str:
        """Return the statement that makes the relation of the pieces that are there."""
        if not self._pieces:
            columns = self._listed("NULL::{sql} AS s{n}")
            return queries(_SQL)["create_empty"].format(columns=columns)
        files = literal(str(self.folder / _PIECE.format("*")))
        return queries(_SQL)["create_staged"].format(files=files)

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
        self._added(int(count))

    def add_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Stage rows that were read one by one, as values of their columns' types."""
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        types = [pa.type_for_alias(column.arrow) for column in self.columns]
        schema = pa.schema([(f"s{number}", kind) for number, kind in enumerate(types)])
        path, count, coming = self.folder / "rows", 0, iter(rows)
        with ParquetWriter(path, schema, compression="none") as writer:
            while chunk := list(islice(coming, _ROWS_A_CHUNK)):
                columns = zip(zip(*chunk, strict=True), types, strict=True)
                arrays = [pa.array(values, type=kind) for values, kind in columns]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
                count += len(chunk)
        path.rename(self._piece(len(self._pieces)))
        self._added(count)

    def _added(self, rows: int) -> None:
        self._pieces.append(rows)
        if len(self._pieces) == 1 and self._is_open:
            self._connection.execute(self._relation())

    def count(self) -> int:
        """Return how many rows are staged."""
        return sum(self._pieces)

    def batches(self, rows: int, size: int) -> Iterator[RecordBatch]:
        """Yield all rows, at most ``rows`` at a time, and about ``size`` bytes."""
        from pyarrow.parquet import ParquetFile

        for number, count in enumerate(self._pieces):
            path = self._piece(number)
            fit = size * count // path.stat().st_size
            with ParquetFile(path) as file:
                yield from file.iter_batches(max(1, min(rows, fit)))

    @property
    def are_here(self) -> bool:
        """Whether the rows are on this worker's disk."""
        return True

    def here(self) -> Staged:
        """Return the stage: it is on this worker's disk."""
        return self

    def filed(self, objects: ObjectStore, prefix: S3Uri) -> list[RowFile]:
        """Write all rows to S3, in files of a million."""
        files, path = [], self.folder / "part.parquet"
        for number, start in enumerate(range(0, self.count(), _ROWS_A_FILE)):
            self.export_parquet(path, (start, start + _ROWS_A_FILE))
            uri = prefix / f"part-{number:05d}.parquet"
            body = path.read_bytes()
            objects.put(uri, body)
            rows = min(_ROWS_A_FILE, self.count() - start)
            files.append(RowFile(uri=str(uri), rows=rows, bytes=len(body)))
            path.unlink()
        return files

    def export_parquet(self, path: Path, rows: tuple[int, int]) -> None:
        """Write the rows from the first of ``rows`` to before the last as Parquet, with names."""
        named = [f"s{n} AS {quoted(column.name)}" for n, column in enumerate(self.columns)]
        start, end = rows
        where = literal(str(path))
        self.run(
            "export_parquet",
            columns=", ".join(named),
            path=where,
            start=str(start),
            count=str(end - start),
        )

    def differs(self, paths: Sequence[Path]) -> bool:
        """Tell whether as many rows, in Parquet files with names, are others than those staged."""
        ((count,),) = self.run(
            "count_unequal",
            named=", ".join(quoted(column.name) for column in self.columns),
            columns=self._listed("s{n}"),
            files=f"[{', '.join(literal(str(path)) for path in paths)}]",
        )
        return bool(count)

    def longest_id(self, ids: int) -> tuple[str, int]:
        """Return the longest id, and how many bytes its text columns have."""
        texts = [f"s{n}" for n, each in enumerate(self.columns[:ids]) if each.type == "text"]
        ((text, size),) = self.run("longest_id", id=f"concat({', '.join(texts)})")
        return text, size

    def close(self) -> None:
        """Close the database, if one is open."""
        if self._is_open:
            self._connection.close()

    def _piece(self, number: int) -> Path:
        return self.folder / _PIECE.format(f"{number:06d}")

    def _listed(self, each: str) -> str:
        columns = enumerate(self.columns)
        return ", ".join(each.format(n=n, sql=column.sql) for n, column in columns)


@contextmanager
def staging(columns: Sequence[StagedColumn]) -> Iterator[Staged]:
    """Lend an empty stage in a folder of its own, removed afterwards.

    Raises:
        DiskFull: the worker's disk cannot hold what is staged, or read meanwhile.
    """
    with scratch_folder("load", _NEEDS) as folder:
        staged = Staged(folder, columns)
        try:
            yield staged
        finally:
            staged.close()
