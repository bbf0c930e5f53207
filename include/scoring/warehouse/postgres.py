"""A table in Postgres, whose partitions are rows with one date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, IsolationLevel, sql
from psycopg.types.json import Jsonb

from include.scoring.errors import OutputError
from include.scoring.ledger import COLUMNS, Entry
from include.scoring.outputs.staged import Staged
from include.scoring.warehouse.blocks import blocks, format_of
from include.scoring.warehouse.loader import Load, Published
from include.scoring.warehouse.partitions import swap_partitions
from include.scoring.warehouse.statements import Statements, Step, listed
from include.scoring.warehouse.table import parts_of, prepare


class PostgresWarehouse:
    """Replaces a partition in one transaction: lock, delete, COPY, count, ledger row, commit.

    Writing to a staging table first would write every row twice, and its index too; the rows lie
    proven on the worker's disk already.
    """

    def __init__(self, connection: Connection[Any], step: Step | None = None) -> None:
        """Load through an open connection, which is left open.

        ``step`` is called with the name of each statement before it runs; tests stop loads there.
        """
        # A snapshot older than the lock would not see what the load before this one put there.
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        self._statements = Statements(connection, step) if step else Statements(connection)

    def history(self, load: Load, count: int) -> list[Entry]:
        """Read the entries of the partitions before this one."""
        parts = parts_of(load)
        with self._statements.connection.transaction():
            if not self._statements.one("find_ledger", parts):
                return []
            rows = self._statements.run(
                "history", {**parts, "columns": listed(COLUMNS), "count": sql.Literal(count)}
            )
        return [Entry(**dict(zip(COLUMNS, row, strict=True))) for row in rows]

    def holds(self, load: Load) -> bool:
        """Compare digest and rows with the last entry and the table."""
        parts = parts_of(load)
        with self._statements.connection.transaction():
            has_ledger = self._statements.one("find_ledger", parts)
            has_table = bool(self._statements.run("find_columns", parts))
        return bool(has_ledger) and self._is_in_force(load, has_table)

    def replace(self, load: Load, staged: Staged) -> Published:
        """Replace the partition.

        Raises:
            TargetMismatch: the table is not as declared.
            OutputError: the partition would hold another number of rows than were staged.
        """
        has_table = prepare(self._statements, load)
        with self._turn(load):
            if self._is_in_force(load, has_table):
                return Published(rows=load.entry.rows, changed=False)
            if not has_table:
                self._write_entry(load)
            elif load.target.swap == "partitions":
                swap_partitions(self._statements, load, staged, lambda: self._insert_entry(load))
            else:
                self._swap_rows(load, staged)
        return Published(rows=load.entry.rows, changed=True)

    @contextmanager
    def _turn(self, load: Load) -> Iterator[None]:
        """Wait until no other load of this partition runs; the server frees what a crash held."""
        name = sql.Literal(f"{load.target.table}/{load.partition}")
        connection = self._statements.connection
        with connection.transaction():
            self._statements.run("lock_session", {"name": name})
        try:
            yield
        finally:
            if not connection.closed:
                with connection.transaction():
                    self._statements.run("unlock_session", {"name": name})

    def _is_in_force(self, load: Load, has_table: bool) -> bool:
        parts = parts_of(load)
        with self._statements.connection.transaction():
            last = self._statements.run("last_digest", parts)
            if last != [(load.entry.digest, load.entry.rows)]:
                return False
            return not has_table or self._count(parts) == load.entry.rows

    def _swap_rows(self, load: Load, staged: Staged) -> None:
        parts = parts_of(load)
        with self._statements.connection.transaction():
            self._statements.run("delete_partition", parts)
            self._statements.copy(
                f"copy_{format_of(staged)}", parts, blocks(staged, load.partition)
            )
            check_count(self._count(parts), load)
            self._insert_entry(load)
            self._statements.commit_follows()

    def _count(self, parts: dict[str, sql.Composable]) -> int:
        return int(self._statements.one("count_partition", parts))

    def _write_entry(self, load: Load) -> None:
        with self._statements.connection.transaction():
            self._insert_entry(load)
            self._statements.commit_follows()

    def _insert_entry(self, load: Load) -> None:
        values = [getattr(load.entry, name) for name in COLUMNS]
        literals = [
            sql.Literal(Jsonb(value) if isinstance(value, dict | list) else value)
            for value in values
        ]
        self._statements.run(
            "write_entry",
            {
                **parts_of(load),
                "columns": listed(COLUMNS),
                "values": sql.SQL(", ").join(literals),
            },
        )


def check_count(found: int, load: Load) -> None:
    """Hold the table to what was staged.

    Raises:
        OutputError: a trigger or a rule of the table dropped or added rows.
    """
    if found != load.entry.rows:
        raise OutputError(
            f"Partition {load.partition} of {load.target.table} would hold {found} rows, but"
            f" {load.entry.rows} were loaded; nothing was changed. Look for triggers and rules of"
            " the table"
        )
