"""The protocol of a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.outputs.staged import Staged, StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.ledger import Entry


@dataclass(frozen=True, kw_only=True)
class Load:
    """What to put where.

    Attributes:
        target: the target of the pipeline.
        columns: its columns beside the partition's date, ids first.
        ids: how many of them are ids.
        typed: whether the types of the ids are known; they are not where there was no record yet.
        entry: the load's row in the ledger.
        quarantined: the partition's records that are in no row.
        adds_to: digest of the load in force, whose rows stay; empty where they are replaced.
        forced: whether a person wants it published whatever is in force.
    """

    target: Target
    columns: Sequence[StagedColumn]
    ids: int
    typed: bool
    entry: Entry
    quarantined: Sequence[Quarantined] = ()
    adds_to: str = ""
    forced: bool = False

    @property
    def partition(self) -> date:
        """The partition to replace."""
        return self.entry.partition


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a load did.

    Attributes:
        rows: rows that the partition holds now.
        changed: False where it held this very load already.
    """

    rows: int
    changed: bool


class Rows(Protocol):
    """Rows that are ready for a target, wherever they lie: a warehouse takes them as it can."""

    def count(self) -> int:
        """Return how many there are."""

    @property
    def are_here(self) -> bool:
        """Whether they are on this worker's disk."""

    def here(self) -> Staged:
        """Return them on this worker's disk, where they are brought if they are not there."""

    def filed(self, objects: ObjectStore, prefix: S3Uri) -> Sequence[RowFile]:
        """Return them as Parquet files in S3, written below a prefix where they are not there."""


class Warehouse(Protocol):
    """Where predictions go; ``tests/contract/warehouse`` holds every one of them to this."""

    def in_force(self, target: Target, partition: date) -> Entry | None:
        """Return the entry of the load that the partition holds; None where there was none."""

    def history(self, load: Load, count: int) -> list[Entry]:
        """Return the entry in force of each of the ``count`` partitions before this one."""
        return self.recent(load.target, load.entry.pipeline, load.partition, count)

    def recent(self, target: Target, pipeline: str, before: date, count: int) -> list[Entry]:
        """Return the entry in force of each of the ``count`` partitions before a day.

        The latest partition comes first; those without rows of this pipeline are passed over.
        """

    def held(self, load: Load, folder: Path) -> HeldRows | None:
        """Write the rows that the partition holds into a folder, in the columns of a load.

        A column that the target lacks is NULL, or missing. None where there is no row to write.
        """

    def stop(self) -> None:
        """End what runs for a load by itself as its task is killed, from any thread.

        Nothing runs by itself for most of them: it ends with the connection.
        """
        return

    def replace(self, load: Load, rows: Rows) -> Published:
        """Put the rows in place of the partition's, and the entry into the ledger.

        The partition's quarantined records take the place of those that were.

        Until this returns, every reader sees the partition as it was; afterwards, as it is. If it
        does not return, nothing has changed. Of two at once one waits, or begins again; in whatever
        order they end, the one with the later snapshot is in force. A second one with the digest of
        the entry in force changes nothing, unless somebody has changed the rows: it restores them.

        Raises:
            Superseded: a newer extract is in force, or another load than that which it adds to.
            TargetTaken: another pipeline loaded the partition.
            TargetRefused: the database refuses the rows.
            TargetLocked: others hold the target.
            Unreachable: there is no answer.
            TargetMismatch: the target is not as declared.
            OutputError: the partition would hold another number of rows than were staged.
        """


# Lends the warehouse of a target; where rows are to go there, with a stage.
Lend = Callable[..., AbstractContextManager[Warehouse]]
