"""A table in Redshift, which copies the rows from S3 and swaps them in by itself.

Nothing is held open: a load is one batch of statements, which is one transaction, and goes on by
itself where its worker is lost. The next try finds it by its name, and waits for its end.
https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from typing_extensions import override

from batch_transform.scoring.aws.data_api import CONFLICT, DataApi, StatementFailed
from batch_transform.scoring.aws.redshift_text import quoted, spelt
from batch_transform.scoring.errors import (
    OutputError,
    ScoringError,
    TargetLocked,
)
from batch_transform.scoring.names import S3Uri, content_digest
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse import redshift_statements as sql
from batch_transform.scoring.warehouse import redshift_tables as tables
from batch_transform.scoring.warehouse.declared import Found
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.ledger import Entry, entry_of, ledger_of
from batch_transform.scoring.warehouse.order import settled
from batch_transform.scoring.warehouse.protocol import Load, Published, Rows, Warehouse
from batch_transform.scoring.warehouse.quarantine_file import quarantine_file
from batch_transform.scoring.warehouse.redshift_files import manifest
from batch_transform.scoring.warehouse.redshift_refusals import refusals
from batch_transform.scoring.warehouse.redshift_statements import Copied, Named
from batch_transform.scoring.warehouse.stage import Stage
from batch_transform.scoring.warehouse.statements import Step
from batch_transform.scoring.warehouse.unequal import UNEQUAL

_TRIES = 10
_FOLDER_LENGTH = 16
_SWAP = "swap"  # what a later try waits for


class _Overtaken(Exception):
    """Another load came first; caught, to look anew."""


@dataclass(frozen=True, kw_only=True)
class _Current:
    """The entry in force, and its number; 0 where there is none."""

    number: int = 0
    entry: Entry | None = None


class RedshiftWarehouse(Warehouse):
    """Replaces a partition in one batch: lock, COPY, checks, delete, insert, ledger row."""

    def __init__(
        self,
        api: DataApi,
        iam_role: str,
        stage: Stage | None,
        hurried: Callable[[], DataApi] | None = None,
        step: Step | None = None,
    ) -> None:
        """Load through the Data API.

        Args:
            api: of the database.
            iam_role: by which Redshift reads and writes the stage.
            stage: where rows lie on their way; None where nothing is loaded.
            hurried: makes an API that gives up after seconds, for who is being killed.
            step: is called with the name of what is done next; tests stop loads there.
        """
        self._api = api
        self._role = iam_role
        self._given_stage = stage
        self._hurried = hurried or (lambda: api)
        self._step: Step = step or (lambda name: None)
        self._running = ""

    @override
    def in_force(self, target: Target, partition: date) -> Entry | None:
        with refusals(target):
            found = tables.find(self._ask, target)
            return self._current(found, target, partition).entry

    @override
    def recent(self, target: Target, pipeline: str, before: date, count: int) -> list[Entry]:
        wanted = {"pipeline": spelt(pipeline), "count": str(count)}
        with refusals(target):
            if ledger_of(target.table) not in tables.find(self._ask, target):
                return []
            found = self._entries("recent", {**sql.parts_of_target(target, before), **wanted})
        return [each.entry for each in found if each.entry]

    @override
    def held(self, load: Load, folder: Path) -> HeldRows | None:
        names = [column.name for column in load.columns]
        with refusals(load.target):
            found = tables.find(self._ask, load.target, names).get(load.target.table, ())
            actual = {column.name for column in found}
            if not actual or not self._count(load):
                return None
            kept = [quoted(name) for name in names if name in actual]
            into = self._stage.prefix / f"held-{uuid.uuid4().hex}"
            _, unload = sql.unload(load, kept, into, self._role)
            self._running = self._api.begin([unload], self._name(load, "held"))
            self._api.finish(self._running)
        paths = tuple(self._fetched(into, folder))
        return HeldRows(paths=paths, format="parquet")

    @override
    def stop(self) -> None:
        if self._running:
            with suppress(ScoringError):  # the next try finds it
                self._hurried().cancel(self._running)

    @override
    def replace(self, load: Load, rows: Rows) -> Published:
        with refusals(load.target):
            was_left = self._await_what_was_left(load)
            for _ in range(_TRIES):
                with suppress(_Overtaken):
                    changed = self._put(load, rows, was_left=was_left)
                    return Published(rows=load.entry.rows, changed=changed)
        raise TargetLocked(
            f"Others loaded into {load.target.table} at each of {_TRIES} tries; this load changed"
            " nothing. See which runs load it all the time"
        )

    def _put(self, load: Load, rows: Rows, *, was_left: bool) -> bool:
        """Put a load in force; tell whether the partition has changed for it."""
        found = self._prepared(load)
        has_table = load.target.table in found
        current = self._current(found, load.target, load.partition)
        mine = settled(load, current.entry)
        if not self._holds(mine, current.entry, rows, has_table=has_table, was_left=was_left):
            copied = self._copied(mine, rows)
            swap = sql.swap(mine, current.number, copied, has_table=has_table)
            self._run(swap, self._name(load, _SWAP))
            return True
        if current.entry and mine.entry.snapshot_at != current.entry.snapshot_at:
            self._run(sql.refresh(mine, current.number), self._name(load, "refresh"))
        return was_left

    def _await_what_was_left(self, load: Load) -> bool:
        """Wait for what an earlier try of this load left running; tell whether there was any."""
        left = self._api.running(self._name(load, _SWAP))
        for statement in left:
            self._running = statement
            with suppress(StatementFailed):  # then it has changed nothing
                self._api.finish(statement)
        return bool(left)

    def _prepared(self, load: Load) -> Found:
        """Make what is missing; of two that make the same, one finds it made."""
        names = [column.name for column in load.columns]
        for left in reversed(range(_TRIES)):
            found = tables.find(self._ask, load.target, names)
            missing = list(tables.missing(load, found))
            if not missing:
                return found
            try:
                self._run(missing, self._name(load, "prepare"))
            except (StatementFailed, _Overtaken):
                if not left:
                    raise
        return tables.find(self._ask, load.target, names)

    def _holds(
        self, load: Load, current: Entry | None, rows: Rows, *, has_table: bool, was_left: bool
    ) -> bool:
        """Tell whether the partition holds this very load, and nobody has changed its rows."""
        entry = load.entry
        if current is None or (current.digest, current.rows) != (entry.digest, entry.rows):
            return False
        if not has_table:
            return True
        if self._count(load) != entry.rows:
            return False
        return bool(load.adds_to) or was_left or not self._altered(load, rows)

    def _altered(self, load: Load, rows: Rows) -> int:
        if not rows.count():
            return 0
        compare = sql.compare(load, self._copied(load, rows))
        statement = self._run(compare, self._name(load, "compare"))
        ((count,),) = self._api.result(statement, len(compare) - 1).rows
        return int(count)

    def _count(self, load: Load) -> int:
        ((count,),) = self._ask("count_partition", sql.parts_of_load(load))
        return int(count)

    def _copied(self, load: Load, rows: Rows) -> Copied:
        """Leave on the stage what Redshift is to copy."""
        stage = self._stage
        place = stage.prefix / content_digest(load.entry.digest)[:_FOLDER_LENGTH]
        self._step("files")
        files = rows.filed(stage.objects, place)
        listed = manifest(stage.objects, place / "rows.json", files)
        kept_out = quarantine_file(stage.objects, place, load)
        quarantined = manifest(stage.objects, place / "quarantine.json", kept_out)
        return Copied(rows=listed, quarantine=quarantined, count=rows.count(), role=self._role)

    def _current(self, found: Found, target: Target, partition: date) -> _Current:
        if ledger_of(target.table) not in found:
            return _Current()
        entries = self._entries("latest", sql.parts_of_target(target, partition))
        return entries[0] if entries else _Current()

    def _entries(self, name: str, parts: sql.Parts) -> list[_Current]:
        rows = self._ask(name, {**parts, "entry_columns": sql.READ_COLUMNS})
        return [_Current(number=number, entry=entry_of(values)) for number, *values in rows]

    def _ask(self, name: str, parts: sql.Parts) -> list[tuple[Any, ...]]:
        """Run one statement that reads, and return its rows."""
        _, text = sql.named(name, parts)
        statement = self._api.begin([text], f"batch-transform/{name}")
        self._api.finish(statement)
        return self._api.result(statement).rows

    def _run(self, statements: Sequence[Named], name: str) -> str:
        """Run statements in one transaction, and return its id.

        Raises:
            _Overtaken: the entry in force is another by now, or Redshift sees a conflict.
        """
        names = [each for each, _ in statements]
        self._step(names[-1])
        statement = self._running = self._api.begin([text for _, text in statements], name)
        self._step("wait")
        try:
            self._api.finish(statement)
        except StatementFailed as failed:
            at = "" if failed.place is None else names[failed.place]
            unequal = sql.is_unequal(failed.words)
            if CONFLICT in failed.words or (at == "check_in_force" and unequal):
                raise _Overtaken from failed
            if unequal and at in UNEQUAL:
                raise OutputError(UNEQUAL[at].format(warehouse="Redshift")) from failed
            raise
        self._running = ""
        return statement

    def _fetched(self, prefix: S3Uri, folder: Path) -> Iterator[Path]:
        """Download what was unloaded below a prefix."""
        objects = self._stage.objects
        listed = json.loads(objects.get(prefix / "manifest"))
        for number, entry in enumerate(listed["entries"]):
            path = folder / f"held-{number:05d}.parquet"
            path.write_bytes(objects.get(S3Uri.parse(entry["url"])))
            yield path

    @property
    def _stage(self) -> Stage:
        if self._given_stage is None:
            raise TypeError("a warehouse without a stage loads nothing")
        return self._given_stage

    def _name(self, load: Load, does: str) -> str:
        """Name what is done for a load: the same for each try at it, and for no other load."""
        content = [load.target.table, load.partition.isoformat(), load.entry.digest]
        return f"{load.entry.pipeline}/{load.partition}/{content_digest(content)}/{does}"
