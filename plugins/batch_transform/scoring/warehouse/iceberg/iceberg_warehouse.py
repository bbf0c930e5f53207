"""A table of an Iceberg catalog, a partition of which is replaced by one commit.

One snapshot takes the old data files of the partition away and adds the new ones, and the same
commit writes the load's entry into the table's metadata. A reader has the snapshot with which it
began. The commit is refused where another has come since the load looked; then it looks anew.
https://iceberg.apache.org/spec/#snapshots
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from typing_extensions import override

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.iceberg import iceberg_rows as rows_of
from batch_transform.scoring.warehouse.iceberg.iceberg_ledger import IcebergLedger, Numbered
from batch_transform.scoring.warehouse.iceberg.iceberg_quarantine import IcebergQuarantine
from batch_transform.scoring.warehouse.iceberg.iceberg_refusals import refusals
from batch_transform.scoring.warehouse.iceberg.iceberg_tables import opened
from batch_transform.scoring.warehouse.iceberg.iceberg_target import prepared
from batch_transform.scoring.warehouse.iceberg.patience import Patience
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.order import settled
from batch_transform.scoring.warehouse.protocol import Load, Published, Rows, Warehouse
from batch_transform.scoring.warehouse.statements import Step


class IcebergWarehouse(Warehouse):
    """Replaces a partition in one commit; ledger and quarantine follow."""

    def __init__(
        self, catalog: Catalog, patience: Patience | None = None, step: Step | None = None
    ) -> None:
        """Load into the tables of a catalog.

        Args:
            catalog: the catalog.
            patience: how long to try where others commit too.
            step: is called with the name of what is done next; tests stop loads there.
        """
        self._catalog = catalog
        self._patience = patience or Patience()
        self._step: Step = step or (lambda name: None)

    @override
    def in_force(self, target: Target, partition: date) -> Entry | None:
        with refusals(target):
            table = opened(self._catalog, target.table)
            found = self._ledger(target).in_force(table, partition)
        return found.entry if found else None

    @override
    def recent(self, target: Target, pipeline: str, before: date, count: int) -> list[Entry]:
        with refusals(target):
            table = opened(self._catalog, target.table)
            return self._ledger(target).recent(table, pipeline, before, count)

    @override
    def held(self, load: Load, folder: Path) -> HeldRows | None:
        with refusals(load.target):
            table = opened(self._catalog, load.target.table)
            return None if table is None else rows_of.brought(table, load, folder)

    @override
    def replace(self, load: Load, rows: Rows) -> Published:
        target, staged, files = load.target, rows.here(), _Once()
        with refusals(target):
            changed = self._patience.committed(target.table, lambda: self._put(load, staged, files))
            self._step("ledger")
            table = opened(self._catalog, target.table)
            if table is not None:
                self._ledger(target).follow(table)
            self._step("quarantine")
            quarantine = IcebergQuarantine(self._catalog, self._patience)
            quarantine.follow(load, lambda: self._is_in_force(load))
        return Published(rows=load.entry.rows, changed=changed)

    def _put(self, load: Load, staged: Staged, files: _Once) -> bool:
        """Put a load in force, as the table is now; tell whether the partition has changed."""
        ledger = self._ledger(load.target)
        table = prepared(self._catalog, load)
        if table is not None:
            ledger.follow(table)
        current = ledger.in_force(table, load.partition)
        mine = settled(load, current.entry if current else None)
        if current and self._holds(table, mine, current.entry, staged):
            later = replace(current.entry, snapshot_at=mine.entry.snapshot_at)
            if later != current.entry:
                self._refresh(table, replace(current, entry=later), ledger)
            return False
        numbered = Numbered(number=current.number + 1 if current else 1, entry=mine.entry)
        if table is None:
            self._put_without_table(mine, numbered, ledger)
        else:
            self._swap(table, mine, numbered, files.written(table, mine, staged, self._step))
        return True

    def _refresh(self, table: Table | None, numbered: Numbered, ledger: IcebergLedger) -> None:
        """Say that the rows in force are those of a later extract, too."""
        if table is None:
            ledger.put(numbered)
        else:
            self._commit(table, numbered, gone=(), come=())

    def _put_without_table(self, load: Load, numbered: Numbered, ledger: IcebergLedger) -> None:
        """Put a partition without a row in force, where nobody knows yet of what types ids are.

        Who makes the table looks at the ledger after that, and this looks for the table after it
        has written to the ledger: so one of the two sees the other.
        """
        self._step("swap")
        ledger.add(numbered)
        if opened(self._catalog, load.target.table) is not None:
            raise CommitFailedException("the table was made meanwhile")

    def _swap(self, table: Table, load: Load, numbered: Numbered, come: Sequence[DataFile]) -> None:
        there = rows_of.lying(table, load.target, load.partition)
        kept = _count(table, load) if load.adds_to else 0
        coming = sum(file.record_count for file in come)
        if kept + coming != load.entry.rows:
            raise OutputError(
                f"Partition {load.partition} of {load.target.table} would hold {kept} + {coming}"
                f" rows, and {load.entry.rows} were proven; nothing was changed. Look for who else"
                " writes to the table"
            )
        self._step("swap")
        self._commit(table, numbered, gone=() if load.adds_to else there, come=come)

    def _commit(
        self,
        table: Table,
        numbered: Numbered,
        *,
        gone: Sequence[DataFile],
        come: Sequence[DataFile],
    ) -> None:
        """Replace files, and say by whom, on the very snapshot that was looked at."""
        entry = numbered.entry
        summary = {
            "batch-transform.pipeline": entry.pipeline,
            "batch-transform.partition": entry.partition.isoformat(),
            "batch-transform.run": entry.run_id,
            "batch-transform.digest": entry.digest,
        }
        with table.transaction() as transaction:
            transaction.set_properties(numbered.as_property())
            update = transaction.update_snapshot(snapshot_properties=summary)
            with update.overwrite() if gone else update.fast_append() as snapshot:
                for file in gone:
                    snapshot.delete_data_file(file)
                for file in come:
                    snapshot.append_data_file(file)

    def _holds(self, table: Table | None, load: Load, current: Entry, staged: Staged) -> bool:
        """Tell whether the partition holds this very load, and nobody has changed its rows."""
        entry = load.entry
        if (current.digest, current.rows) != (entry.digest, entry.rows):
            return False
        if table is None:
            return True
        if _count(table, load) != entry.rows:
            return False
        return bool(load.adds_to) or not self._altered(table, load, staged)

    def _altered(self, table: Table, load: Load, staged: Staged) -> bool:
        held = rows_of.brought(table, load, staged.folder)
        return held is not None and staged.differs(held.paths)

    def _is_in_force(self, load: Load) -> bool:
        current = self.in_force(load.target, load.partition)
        return current is not None and current.digest == load.entry.digest

    def _ledger(self, target: Target) -> IcebergLedger:
        return IcebergLedger(self._catalog, target, self._patience)


def _count(table: Table, load: Load) -> int:
    return table.scan(rows_of.of_day(load.target, load.partition)).count()


class _Once:
    """The data files of a load: written at the first try, and of use to all."""

    def __init__(self) -> None:
        self._files: list[DataFile] | None = None

    def written(self, table: Table, load: Load, staged: Staged, step: Step) -> list[DataFile]:
        """Return them, written if they are not."""
        if self._files is None:
            step("files")
            self._files = list(rows_of.written(table, load, staged))
        return self._files
