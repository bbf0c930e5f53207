"""Parquet files in S3, a partition of which is published by one small object.

::

    <prefix>/data/2013-06-01/<digest>/part-00000.parquet    never changed once it is published
    <prefix>/data/2013-06-01/<digest>/entry.json            the load's entry in the ledger
    <prefix>/data/2013-06-01/<digest>/quarantine.jsonl      records that are in no row, and why
    <prefix>/current/flight_date=2013-06-01/symlink.txt     the files of the partition, one a line

A load that adds to the one before lists its own files first, and then those.

S3 replaces an object at once and whole, so a reader that begins at ``current`` reads all files of
one load. Athena and Spark read it as a table of SymlinkTextInputFormat partitioned by the column
in the path; DuckDB reads the files that are listed. Of two loads at once the later wins whole.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectMissing, ObjectStore
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.records import quarantine
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.protocol import (
    Load,
    Published,
    Warehouse,
    check_not_superseded,
)
from batch_transform.scoring.warehouse.statements import Step

_ROWS_A_FILE = 1_000_000
_DIGEST_LENGTH = 16
_POINTER = "symlink.txt"
_ENTRY = "entry.json"
_QUARANTINE = "quarantine.jsonl"


class FilesWarehouse(Warehouse):
    """Publishes partitions below an S3 prefix."""

    def __init__(self, objects: ObjectStore, step: Step | None = None) -> None:
        """Publish in an object store.

        ``step`` is called with the name of each write before it is done; tests stop loads there.
        """
        self._objects = objects
        self._step: Step = step or (lambda name: None)

    @override
    def in_force(self, target: Target, partition: date) -> Entry | None:
        return self._entry(_pointer(target, partition))

    @override
    def history(self, load: Load, count: int) -> list[Entry]:
        mine = _pointer(load.target, load.partition)
        earlier = [uri for uri in self._objects.keys(_current(load.target)) if uri.key < mine.key]
        found: list[Entry] = []
        for uri in reversed(earlier):
            entry = self._entry(uri)
            if entry is not None and entry.pipeline == load.entry.pipeline:
                found.append(entry)
            if len(found) == count:
                break
        return found

    @override
    def replace(self, load: Load, staged: Staged) -> Published:
        pointer = _pointer(load.target, load.partition)
        current = self._entry(pointer)
        if current is not None and current.digest == load.entry.digest:
            return Published(rows=current.rows, changed=False)
        check_not_superseded(load, current)
        folder = _folder(load)
        files = [str(self._write(uri, rows, staged)) for uri, rows in _files(load, staged)]
        if load.adds_to:
            files += self._listed(pointer)
        if load.quarantined:
            self._step("quarantine")
            self._objects.put(folder / _QUARANTINE, quarantine.to_json_lines(load.quarantined))
        self._step("entry")
        self._objects.put(folder / _ENTRY, load.entry.to_json())
        self._step("pointer")
        self._objects.put(pointer, "".join(f"{uri}\n" for uri in files).encode())
        return Published(rows=load.entry.rows, changed=True)

    def _entry(self, pointer: S3Uri) -> Entry | None:
        """Read the entry beside the files that a pointer lists; None where it lists none."""
        try:
            files = self._listed(pointer)
            if not files:
                return None
            folder = S3Uri.parse(files[0].rpartition("/")[0])
            return Entry.from_json(self._objects.get(folder / _ENTRY))
        except ObjectMissing:
            return None

    def _listed(self, pointer: S3Uri) -> list[str]:
        return self._objects.get(pointer).decode().splitlines()

    def _write(self, uri: S3Uri, rows: tuple[int, int], staged: Staged) -> S3Uri:
        path = staged.folder / "part.parquet"
        staged.export_parquet(path, rows)
        self._step("file")
        self._objects.put(uri, path.read_bytes())
        path.unlink()
        return uri


def _files(load: Load, staged: Staged) -> Iterator[tuple[S3Uri, tuple[int, int]]]:
    """Say which rows go into which file; an empty partition is one file without rows."""
    count = staged.count()
    if not load.typed and not count:
        return  # its columns would have other types than those of the other partitions
    for number, start in enumerate(range(0, max(count, 1), _ROWS_A_FILE)):
        yield _folder(load) / f"part-{number:05d}.parquet", (start, start + _ROWS_A_FILE)


def _root(target: Target) -> S3Uri:
    return S3Uri.parse(target.table)


def _folder(load: Load) -> S3Uri:
    label, digest = load.partition.isoformat(), load.entry.digest[:_DIGEST_LENGTH]
    return _root(load.target) / "data" / label / digest


def _current(target: Target) -> S3Uri:
    return _root(target) / "current"


def _pointer(target: Target, partition: date) -> S3Uri:
    return _current(target) / f"{target.partition_column}={partition.isoformat()}" / _POINTER
