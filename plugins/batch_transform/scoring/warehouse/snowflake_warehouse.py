"""A table in Snowflake, which copies rows from a stage in S3 and swaps them in, in a transaction.

A session holds the transaction. Where its worker is lost Snowflake keeps it open, and with it the
turn of the target: the next try finds it by its name, and aborts it.
https://docs.snowflake.com/en/sql-reference/transactions#aborting-transactions
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from typing_extensions import override

from batch_transform.scoring.errors import OutputError, ScoringError, Unreachable
from batch_transform.scoring.names import S3Uri, content_digest
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.snowflake.snowflake_session import (
    OpenSession,
    Session,
    StatementRefused,
)
from batch_transform.scoring.snowflake.snowflake_stage import ExternalStage
from batch_transform.scoring.snowflake.snowflake_text import spelt
from batch_transform.scoring.warehouse import snowflake_statements as sql
from batch_transform.scoring.warehouse import snowflake_tables as tables
from batch_transform.scoring.warehouse.declared import Found
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.ledger import Entry, entry_of, ledger_of
from batch_transform.scoring.warehouse.order import settled
from batch_transform.scoring.warehouse.protocol import Load, Published, Rows, Warehouse
from batch_transform.scoring.warehouse.quarantine_file import quarantine_file
from batch_transform.scoring.warehouse.snowflake_refusals import refusals
from batch_transform.scoring.warehouse.stage import Stage
from batch_transform.scoring.warehouse.statements import Step
from batch_transform.scoring.warehouse.unequal import UNEQUAL

_FOLDER_LENGTH = 16
_NUMBER, _NAME = 0, 3  # places in a row of SHOW TRANSACTIONS


@dataclass(frozen=True, kw_only=True)
class SnowflakeStage:
    """Where rows lie on their way into Snowflake.

    Attributes:
        name: of the external stage.
        files: the attempt's own place in S3; None where nothing is loaded.
    """

    name: str
    files: Stage | None


class SnowflakeWarehouse(Warehouse):
    """Replaces a partition: COPY into a temporary table, and then one transaction."""

    def __init__(
        self,
        session: Session,
        stage: SnowflakeStage,
        hurried: OpenSession | None = None,
        step: Step | None = None,
    ) -> None:
        """Load in a session.

        Args:
            session: in which all statements run.
            stage: where rows lie on their way.
            hurried: opens a session that gives up after seconds, for who is being killed.
            step: is called with the name of what is done next; tests stop loads there.
        """
        self._session = session
        self._given_stage = stage
        self._hurried = hurried
        self._step: Step = step or (lambda name: None)
        self._statements = sql.SnowflakeStatements(session, self._step)
        self._open = ""  # name of the transaction that may be open

    @override
    def in_force(self, target: Target, partition: date) -> Entry | None:
        with refusals(target):
            self._enter(target)
            return self._latest(tables.find(self._statements, target), target, partition)[1]

    @override
    def recent(self, target: Target, pipeline: str, before: date, count: int) -> list[Entry]:
        wanted = {"pipeline": spelt(pipeline), "count": str(count)}
        with refusals(target):
            self._enter(target)
            if ledger_of(target.table) not in tables.find(self._statements, target):
                return []
            parts = {**sql.parts_of_target(target, before), **wanted}
            found = self._statements.run("recent", parts)
        return [entry_of(sql.texts(values)) for _, *values in found]

    @override
    def held(self, load: Load, folder: Path) -> HeldRows | None:
        names = [column.name for column in load.columns]
        with refusals(load.target):
            self._enter(load.target)
            found = tables.find(self._statements, load.target, names)
            actual = {column.name for column in found.get(load.target.table, ())}
            parts = sql.parts_of_load(load)
            if not actual or not self._statements.one("count_partition", parts):
                return None
            kept = [column for column in load.columns if column.name in actual]
            stage, into = self._external, self._files.prefix / f"held-{uuid.uuid4().hex}"
            place = {"location": stage.location(into), "values": sql.unloaded_values(kept)}
            told = self._statements.run("unload_partition", {**parts, **place})
        paths = []
        for number, (name, *_) in enumerate(told):
            path = folder / f"held-{number:05d}.parquet"
            path.write_bytes(self._files.objects.get(S3Uri.parse(stage.uri(name, into))))
            paths.append(path)
        return HeldRows(paths=tuple(paths), format="parquet")

    @override
    def stop(self) -> None:
        if self._open and self._hurried is not None:
            with suppress(ScoringError, StatementRefused), self._hurried() as session:
                _abort(sql.SnowflakeStatements(session, self._step), self._open)

    @override
    def replace(self, load: Load, rows: Rows) -> Published:
        with refusals(load.target):
            self._enter(load.target)
            found = self._prepared(load)
            settled(load, self._latest(found, load.target, load.partition)[1])
            self._open = sql.transaction_name(load)
            _abort(self._statements, self._open)
            self._copy(load, rows, has_table=load.target.table in found)
            try:
                changed = self._transact(load, found, has_rows=bool(rows.count()))
            except Exception:
                with suppress(ScoringError, StatementRefused):  # or Snowflake does it by itself
                    self._statements.run("rollback", {})
                raise
        return Published(rows=load.entry.rows, changed=changed)

    def _transact(self, load: Load, found: Found, *, has_rows: bool) -> bool:
        """Put a load in force; tell whether the partition has changed for it."""
        parts = sql.parts_of_load(load)
        self._statements.run("begin", parts)
        parts["transaction"] = spelt(self._statements.one("transaction", {}))
        self._statements.run("take_turn", parts)
        number, current = self._latest(found, load.target, load.partition)
        mine = settled(load, current)
        has_table = load.target.table in found
        changed = not self._holds(mine, current, has_table=has_table, has_rows=has_rows)
        parts |= {**sql.parts_of_load(mine), "number": str(number)}
        if changed:
            self._swap(mine, parts, has_table=has_table, has_rows=has_rows)
        elif current and mine.entry.snapshot_at != current.snapshot_at:
            self._statements.run("refresh_entry", parts)
        self._statements.run("commit", {})
        if changed and not self._statements.one("count_entry", parts):
            raise Unreachable(
                f"The transaction that loads {load.target.table} was aborted before its end, by"
                " Snowflake or by another try; nothing was changed"
            )
        return changed

    def _swap(self, load: Load, parts: sql.Parts, *, has_table: bool, has_rows: bool) -> None:
        if has_table:
            if not load.adds_to:
                self._statements.run("delete_partition", parts)
            if has_rows:
                self._statements.run("insert_rows", parts)
            if self._statements.one("count_partition", parts) != load.entry.rows:
                raise _unequal("check_partition")
        self._statements.run("delete_quarantine", parts)
        if load.quarantined:
            kept_out = sql.parts_of_quarantine(load)
            self._statements.run("insert_quarantine", {**parts, **kept_out})
        self._statements.run("write_entry", parts)

    def _holds(self, load: Load, current: Entry | None, *, has_table: bool, has_rows: bool) -> bool:
        """Tell whether the partition holds this very load, and nobody has changed its rows."""
        entry, parts = load.entry, sql.parts_of_load(load)
        if current is None or (current.digest, current.rows) != (entry.digest, entry.rows):
            return False
        if not has_table:
            return True
        if self._statements.one("count_partition", parts) != entry.rows:
            return False
        return bool(load.adds_to) or not (has_rows and self._statements.one("count_altered", parts))

    def _copy(self, load: Load, rows: Rows, *, has_table: bool) -> None:
        """Fill temporary tables: they are this session's alone, and end with it."""
        self._step("files")
        place = self._files.prefix / content_digest(load.entry.digest)[:_FOLDER_LENGTH]
        if has_table and rows.count():
            parts = sql.parts_of_load(load)
            self._fill(parts, rows.filed(self._files.objects, place))
            ((count, ids),) = self._statements.run("count_staged", parts)
            if count != rows.count():
                raise _unequal("check_rows")
            if ids != count:
                raise _unequal("check_ids")
        kept_out = quarantine_file(self._files.objects, place, load)
        if kept_out:
            self._fill(sql.parts_of_quarantine(load), kept_out)

    def _fill(self, parts: sql.Parts, files: Sequence[RowFile]) -> None:
        self._statements.run("create_stage", parts)
        for some in sql.copies(self._external, files):
            self._statements.run("copy_files", {**parts, **some})

    def _prepared(self, load: Load) -> Found:
        """Make what is missing, each by a statement that is a transaction of its own."""
        names = [column.name for column in load.columns]
        found = tables.find(self._statements, load.target, names)
        missing = list(tables.missing(load, found))
        for name, parts in missing:
            self._statements.run(name, parts)
        return tables.find(self._statements, load.target, names) if missing else found

    def _latest(self, found: Found, target: Target, partition: date) -> tuple[int, Entry | None]:
        """Return the entry in force and its number; 0 where there is none."""
        if ledger_of(target.table) not in found:
            return 0, None
        rows = self._statements.run("latest", sql.parts_of_target(target, partition))
        for number, *values in rows:
            return int(number), entry_of(sql.texts(values))
        return 0, None

    def _enter(self, target: Target) -> None:
        self._statements.run("set_session", {})
        if "." in target.table:
            self._statements.run("use_schema", sql.parts_of_target(target, date.min))

    @property
    def _files(self) -> Stage:
        if self._given_stage.files is None:
            raise TypeError("a warehouse without a stage loads nothing")
        return self._given_stage.files

    @property
    def _external(self) -> ExternalStage:
        return ExternalStage.found(self._session, self._given_stage.name)


def _abort(statements: sql.SnowflakeStatements, name: str) -> None:
    """Abort the transaction of a name, which nobody holds any more, or should."""
    for row in statements.run("find_transactions", {}):
        if str(row[_NAME]).upper() == name:
            statements.run("abort", {"number": str(row[_NUMBER])})


def _unequal(check: str) -> OutputError:
    return OutputError(UNEQUAL[check].format(warehouse="Snowflake"))
