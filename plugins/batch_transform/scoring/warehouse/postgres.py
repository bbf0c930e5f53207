"""A table in Postgres, whose partitions are rows with one date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import Connection, IsolationLevel, sql
from psycopg.errors import ProgramLimitExceeded
from psycopg.types.json import Jsonb
from typing_extensions import override

from batch_transform.scoring.errors import OutputError, TargetRefused
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.records.quarantine import Quarantined, writable
from batch_transform.scoring.warehouse import upsert
from batch_transform.scoring.warehouse.blocks import blocks
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.ledger import COLUMNS, Entry
from batch_transform.scoring.warehouse.order import settled
from batch_transform.scoring.warehouse.partitions import Patience, swap_partitions
from batch_transform.scoring.warehouse.protocol import Load, Published, Rows, Warehouse
from batch_transform.scoring.warehouse.sqlstates import refusals
from batch_transform.scoring.warehouse.statements import (
    Parts,
    Statements,
    Step,
    ledger_parts,
    listed,
    parts_of,
)
from batch_transform.scoring.warehouse.table import find_columns, prepare

# COPY's texts, and the dates and errors that come back, whatever server, database and role say.
_SESSION = "SET client_encoding TO 'UTF8'; SET datestyle TO ISO"


class PostgresWarehouse(Warehouse):
    """Replaces a partition in one transaction: lock, delete, COPY, count, ledger row, commit.

    Writing to a staging table first would write every row twice, and its index too; the rows lie
    proven on the worker's disk already.
    """

    def __init__(
        self,
        connection: Connection[Any],
        step: Step | None = None,
        patience: Patience = Patience(),  # noqa: B008  # it is frozen
    ) -> None:
        """Load through an open connection, which is left open.

        ``step`` is called with the name of each statement before it runs; tests stop loads there.
        """
        with refusals("this connection"), connection.transaction():
            connection.execute(_SESSION)
        # A snapshot older than the lock would not see what the load before this one put there.
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        self._statements = Statements(connection, step) if step else Statements(connection)
        self._patience = patience

    @override
    def in_force(self, target: Target, partition: date) -> Entry | None:
        with refusals(target.table), self._statements.connection.transaction():
            entries = self._entries("in_force", ledger_parts(target, partition))
        return entries[0] if entries else None

    @override
    def recent(self, target: Target, pipeline: str, before: date, count: int) -> list[Entry]:
        wanted = {"pipeline": sql.Literal(pipeline), "count": sql.Literal(count)}
        with refusals(target.table), self._statements.connection.transaction():
            return self._entries("recent", {**ledger_parts(target, before), **wanted})

    def _entries(self, name: str, parts: Parts) -> list[Entry]:
        """Read entries: none where there is no ledger; that of an older version lacks columns."""
        actual = {each.name for each in find_columns(self._statements, parts["ledger_name"])}
        names = [name for name in COLUMNS if name in actual]
        rows = self._statements.run(name, {**parts, "columns": listed(names)}) if names else []
        return [Entry(**dict(zip(names, row, strict=True))) for row in rows]

    @override
    def held(self, load: Load, folder: Path) -> HeldRows | None:
        parts, path = parts_of(load), folder / "held.csv"
        with refusals(load.target.table), self._statements.connection.transaction():
            actual = {each.name for each in find_columns(self._statements, parts["name"])}
            if not actual or not self._count(load):
                return None
            values = sql.SQL(", ").join(
                sql.Identifier(each.name) if each.name in actual else sql.NULL
                for each in load.columns
            )
            self._statements.copy_out("export", {**parts, "values": values}, path)
        return HeldRows(paths=(path,), format="csv")

    @override
    def replace(self, load: Load, rows: Rows) -> Published:
        staged = rows.here()
        with refusals(load.target.table), _long_ids_named(load, staged):
            has_table = prepare(self._statements, load)
            with self._turn(load):
                current = self.in_force(load.target, load.partition)
                load = settled(load, current)
                changed = not self._holds(load, current, staged, has_table)
                if changed:
                    self._swap(load, staged, has_table)
                elif current and load.entry.snapshot_at != current.snapshot_at:
                    self._refresh(load)
        return Published(rows=load.entry.rows, changed=changed)

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

    def _holds(self, load: Load, current: Entry | None, staged: Staged, has_table: bool) -> bool:
        """Tell whether the partition holds this very load, and nobody has changed its rows."""
        entry = load.entry
        if current is None or (current.digest, current.rows) != (entry.digest, entry.rows):
            return False
        if not has_table:
            return True
        with self._statements.connection.transaction():
            if self._count(load) != entry.rows:
                return False
            return bool(load.adds_to) or not upsert.is_altered(self._statements, load, staged)

    def _swap(self, load: Load, staged: Staged, has_table: bool) -> None:
        if has_table and load.target.swap == "partitions" and not load.adds_to:
            record = partial(self._record, load)
            swap_partitions(self._statements, load, staged, record, self._patience)
            return
        with self._statements.connection.transaction():
            if has_table:
                self._put_rows(load, staged)
                check_count(self._count(load), load)
            self._record(load)
            self._statements.commit_follows()

    def _put_rows(self, load: Load, staged: Staged) -> None:
        if load.target.swap == "upsert" and not load.adds_to:
            upsert.merge(self._statements, load, staged)
            return
        parts = parts_of(load)
        if not load.adds_to:
            self._statements.run("delete_partition", parts)
        self._statements.copy("copy", parts, blocks(staged, load.partition))

    def _count(self, load: Load) -> int:
        return int(self._statements.one("count_partition", parts_of(load)))

    def _refresh(self, load: Load) -> None:
        snapshot_at = sql.Literal(load.entry.snapshot_at)
        with self._statements.connection.transaction():
            self._statements.run("refresh_entry", {**parts_of(load), "snapshot_at": snapshot_at})

    def _record(self, load: Load) -> None:
        """Write the ledger's row, and what is in quarantine from now on."""
        parts = parts_of(load)
        self._statements.run("delete_quarantine", parts)
        if load.quarantined:
            records = sql.Literal(Jsonb([_row(each) for each in load.quarantined]))
            attempt = sql.Literal(load.entry.run_id)
            self._statements.run(
                "write_quarantine", {**parts, "records": records, "attempt": attempt}
            )
        values = [getattr(load.entry, name) for name in COLUMNS]
        literals = [
            sql.Literal(Jsonb(value) if isinstance(value, dict | list) else value)
            for value in values
        ]
        entry = {"columns": listed(COLUMNS), "values": sql.SQL(", ").join(literals)}
        self._statements.run("write_entry", {**parts, **entry})


def _row(record: Quarantined) -> dict[str, Any]:
    identity = [writable(part) for part in record.id]
    return {**record.model_dump(exclude={"record"}), "id": identity}


@contextmanager
def _long_ids_named(load: Load, staged: Staged) -> Iterator[None]:
    """Name the longest id where an index refuses one: PostgreSQL does not say which."""
    try:
        yield
    except ProgramLimitExceeded as error:
        record_id, size = staged.longest_id(load.ids)
        raise TargetRefused(
            f"An id is too long for the index of {load.target.table}, which takes about 2,700"
            f" bytes; the longest begins {record_id[:60]!r} and has {size}. Nothing was changed;"
            f" leave such rows out in the query. It said: {error}"
        ) from error


def check_count(held: int, load: Load) -> None:
    """Hold the table to what was staged.

    Raises:
        OutputError: a trigger or a rule of the table dropped or added rows.
    """
    if held != load.entry.rows:
        raise OutputError(
            f"Partition {load.partition} of {load.target.table} would hold {held} rows, but"
            f" {load.entry.rows} were loaded; nothing was changed. Look for triggers and rules of"
            " the table"
        )
