"""A table in Postgres, whose partitions are rows with one date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from psycopg import Connection, IsolationLevel, sql
from psycopg.types.json import Jsonb
from typing_extensions import override

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.blocks import blocks, format_of
from batch_transform.scoring.warehouse.ledger import COLUMNS, Entry
from batch_transform.scoring.warehouse.partitions import swap_partitions
from batch_transform.scoring.warehouse.protocol import (
    Load,
    Published,
    Warehouse,
    check_not_superseded,
)
from batch_transform.scoring.warehouse.statements import Statements, Step, listed
from batch_transform.scoring.warehouse.table import ledger_parts, parts_of, prepare


class PostgresWarehouse(Warehouse):
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

    @override
    def in_force(self, target: Target, partition: date) -> Entry | None:
        parts = {**ledger_parts(target, partition), "columns": listed(COLUMNS)}
        with self._statements.connection.transaction():
            if not self._statements.one("find_ledger", parts):
                return None
            rows = self._statements.run("in_force", parts)
        return _entry(rows[0]) if rows else None

    @override
    def history(self, load: Load, count: int) -> list[Entry]:
        parts = parts_of(load)
        with self._statements.connection.transaction():
            if not self._statements.one("find_ledger", parts):
                return []
            rows = self._statements.run(
                "history", {**parts, "columns": listed(COLUMNS), "count": sql.Literal(count)}
            )
        return [_entry(row) for row in rows]

    @override
    def replace(self, load: Load, staged: Staged) -> Published:
        has_table = prepare(self._statements, load)
        with self._turn(load):
            current = self.in_force(load.target, load.partition)
            if self._holds(load, current, has_table):
                return Published(rows=load.entry.rows, changed=False)
            check_not_superseded(load, current)
            if not has_table:
                self._record_alone(load)
            elif load.target.swap == "partitions" and not load.adds_to:
                swap_partitions(self._statements, load, staged, lambda: self._record(load))
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

    def _holds(self, load: Load, current: Entry | None, has_table: bool) -> bool:
        """Tell whether the partition holds this very load, and nobody took rows of it away."""
        wanted = load.entry
        if current is None or (current.digest, current.rows) != (wanted.digest, wanted.rows):
            return False
        with self._statements.connection.transaction():
            return not has_table or self._count(parts_of(load)) == wanted.rows

    def _swap_rows(self, load: Load, staged: Staged) -> None:
        parts = parts_of(load)
        with self._statements.connection.transaction():
            if not load.adds_to:
                self._statements.run("delete_partition", parts)
            self._statements.copy(
                f"copy_{format_of(staged)}", parts, blocks(staged, load.partition)
            )
            check_count(self._count(parts), load)
            self._record(load)
            self._statements.commit_follows()

    def _count(self, parts: dict[str, sql.Composable]) -> int:
        return int(self._statements.one("count_partition", parts))

    def _record_alone(self, load: Load) -> None:
        with self._statements.connection.transaction():
            self._record(load)
            self._statements.commit_follows()

    def _record(self, load: Load) -> None:
        """Write the ledger's row, and what is in quarantine from now on."""
        parts = parts_of(load)
        self._statements.run("delete_quarantine", parts)
        if load.quarantined:
            listed_ = [each.model_dump(exclude={"record"}) for each in load.quarantined]
            records, attempt = sql.Literal(Jsonb(listed_)), sql.Literal(load.entry.run_id)
            self._statements.run(
                "write_quarantine", {**parts, "records": records, "attempt": attempt}
            )
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


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(**dict(zip(COLUMNS, row, strict=True)))


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
