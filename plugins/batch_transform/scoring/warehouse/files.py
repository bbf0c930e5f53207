"""Parquet files in S3, a partition of which is published by one small object.

::

    <prefix>/data/2013-06-01/<load>/part-00000.parquet    never changed once it is published
    <prefix>/data/2013-06-01/<load>/entry.json            the load's entry in the ledger
    <prefix>/data/2013-06-01/<load>/quarantine.jsonl      records that are in no row, and why
    <prefix>/current/flight_date=2013-06-01/symlink.txt   the files of the partition, one a line

A load is named by its digest and its extract's snapshot. One that adds to the load before lists its
own files first, and then those.

S3 replaces an object at once and whole, so a reader that begins at ``current`` reads all files of
one load. Athena and Spark read it as a table of SymlinkTextInputFormat partitioned by the column
in the path; DuckDB reads the files that are listed. The object is replaced only if it is what it
was when the load looked at it: of two loads at once the later begins again, and looks anew.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectChanged, ObjectStore
from batch_transform.scoring.errors import ObjectMissing, TargetLocked
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.records import quarantine
from batch_transform.scoring.warehouse.glue_table import GlueTable
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.order import settled
from batch_transform.scoring.warehouse.protocol import Load, Published, Rows, Warehouse
from batch_transform.scoring.warehouse.statements import Step

_ROWS_A_FILE = 1_000_000
_DIGEST_LENGTH = 16
_SUFFIX = ".parquet"
_POINTER = "symlink.txt"
_POINTER_OF_A_DAY = re.compile(rf"=(?P<day>\d{{4}}-\d\d-\d\d)/{re.escape(_POINTER)}\Z")
_ENTRY = "entry.json"
_QUARANTINE = "quarantine.jsonl"
_TRIES = 10
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Current:
    """What a pointer said at one moment.

    Attributes:
        files: those in force.
        etag: of the pointer; None where there was none.
        entry: of the load in force; None where there is none.
    """

    files: tuple[str, ...] = ()
    etag: str | None = None
    entry: Entry | None = None


class FilesWarehouse(Warehouse):
    """Publishes partitions below an S3 prefix."""

    def __init__(
        self, objects: ObjectStore, step: Step | None = None, table: GlueTable | None = None
    ) -> None:
        """Publish in an object store.

        Args:
            objects: the store.
            step: is called with the name of each write before it is done; tests stop loads there.
            table: of Glue, by which readers find the pointers.
        """
        self._objects = objects
        self._table = table
        self._step: Step = step or (lambda name: None)

    @override
    def in_force(self, target: Target, partition: date) -> Entry | None:
        return self._current(target, partition).entry

    @override
    def recent(self, target: Target, pipeline: str, before: date, count: int) -> list[Entry]:
        days = filter(None, map(_day, self._objects.keys(_pointers(target))))
        entries: list[Entry] = []
        for day in sorted((day for day in days if day < before), reverse=True):
            entry = self._current(target, day).entry
            if entry is not None and entry.pipeline == pipeline:
                entries.append(entry)
            if len(entries) == count:
                break
        return entries

    @override
    def held(self, load: Load, folder: Path) -> HeldRows | None:
        files = self._current(load.target, load.partition).files
        paths = tuple(folder / f"held-{number:05d}.parquet" for number in range(len(files)))
        for path, uri in zip(paths, files, strict=True):
            path.write_bytes(self._objects.get(S3Uri.parse(uri)))
        return HeldRows(paths=paths, format="parquet") if paths else None

    @override
    def replace(self, load: Load, rows: Rows) -> Published:
        if self._table is not None:
            self._table.prepare(load, _pointers(load.target))
        published = self._replace(load, rows.here())
        if self._table is not None:
            self._step("partition")
            self._table.register(load, _pointers(load.target))
        return published

    def _replace(self, load: Load, staged: Staged) -> Published:
        for _ in range(_TRIES):
            current = self._current(load.target, load.partition)
            mine = settled(load, current.entry)
            is_same = current.entry is not None and current.entry.digest == mine.entry.digest
            if is_same and (mine.adds_to or self._is_intact(mine, staged, current.files)):
                return Published(rows=mine.entry.rows, changed=False)
            with suppress(ObjectChanged):
                self._publish(mine, staged, current)
                return Published(rows=mine.entry.rows, changed=True)
        raise _contended(load.target, load.partition)

    def _publish(self, load: Load, staged: Staged, current: _Current) -> None:
        """Write the files, and then the object that names them, unless it is another by now."""
        files = [str(self._write(uri, rows, staged)) for uri, rows in _files(load, staged.count())]
        if load.adds_to:
            files += current.files
        folder = _folder(load)
        if load.quarantined:
            self._step("quarantine")
            self._objects.put(folder / _QUARANTINE, quarantine.to_json_lines(load.quarantined))
        self._step("entry")
        self._objects.put(folder / _ENTRY, load.entry.to_json())
        self._step("pointer")
        body = "".join(f"{uri}\n" for uri in files).encode()
        self._objects.put_if(_pointer(load.target, load.partition), body, current.etag)

    def _current(self, target: Target, partition: date) -> _Current:
        """Read a partition's pointer, and the entry that goes with it."""
        for _ in range(_TRIES):
            with suppress(ObjectChanged):
                return self._look(target, partition)
        raise _contended(target, partition)

    def _look(self, target: Target, partition: date) -> _Current:
        pointer = _pointer(target, partition)
        stored = next(iter(self._objects.listed(pointer)), None)
        if stored is None or stored.uri != pointer:
            return _Current()
        body = io.BytesIO()
        self._objects.download(stored, body)
        files = tuple(body.getvalue().decode().splitlines())
        if files:
            entry = self._entry(S3Uri.parse(files[0].rpartition("/")[0]))
        else:
            entry = self._entry_without_files(_loads(target, partition))
        return _Current(files=files, etag=stored.etag, entry=entry)

    def _entry(self, folder: S3Uri) -> Entry | None:
        try:
            return Entry.from_json(self._objects.get(folder / _ENTRY))
        except ObjectMissing:
            return None

    def _entry_without_files(self, loads: S3Uri) -> Entry | None:
        """Find the newest entry of an empty partition: its pointer names no folder."""
        folders: dict[str, list[str]] = {}
        for uri in self._objects.keys(loads):
            folder, _, name = uri.key.rpartition("/")
            folders.setdefault(folder, []).append(name)
        empty = [
            folder
            for folder, names in folders.items()
            if _ENTRY in names and not any(name.endswith(_SUFFIX) for name in names)
        ]
        entries = [self._entry(S3Uri(loads.bucket, folder)) for folder in empty]
        timed = [(each.snapshot_at or _NEVER, each) for each in entries if each is not None]
        return max(timed, key=lambda pair: pair[0])[1] if timed else None

    def _is_intact(self, load: Load, staged: Staged, in_force: Sequence[str]) -> bool:
        """Tell whether the files in force are those of this load, as it would write them."""
        files = list(_files(load, staged.count()))
        if [str(uri) for uri, _ in files] != list(in_force):
            return False
        try:
            return all(self._objects.get(uri) == _parquet(staged, rows) for uri, rows in files)
        except ObjectMissing:
            return False

    def _write(self, uri: S3Uri, rows: tuple[int, int], staged: Staged) -> S3Uri:
        body = _parquet(staged, rows)
        self._step("file")
        self._objects.put(uri, body)
        return uri


def _parquet(staged: Staged, rows: tuple[int, int]) -> bytes:
    path = staged.folder / "part.parquet"
    staged.export_parquet(path, rows)
    body = path.read_bytes()
    path.unlink()
    return body


def _contended(target: Target, partition: date) -> TargetLocked:
    return TargetLocked(
        f"{_pointer(target, partition)} was replaced by others at each of {_TRIES} tries; this load"
        " changed nothing. See which runs load this partition all the time"
    )


def _files(load: Load, count: int) -> Iterator[tuple[S3Uri, tuple[int, int]]]:
    """Say which rows go into which file; an empty partition is one file without rows."""
    if not load.typed and not count:
        return  # its columns would have other types than those of the other partitions
    for number, start in enumerate(range(0, max(count, 1), _ROWS_A_FILE)):
        yield _folder(load) / f"part-{number:05d}{_SUFFIX}", (start, start + _ROWS_A_FILE)


def _root(target: Target) -> S3Uri:
    return S3Uri.parse(target.table)


def _folder(load: Load) -> S3Uri:
    digest, taken = load.entry.digest[:_DIGEST_LENGTH], load.entry.snapshot_at
    name = f"{digest}-{taken.astimezone(UTC):%Y%m%dT%H%M%S%f}" if taken else digest
    return _loads(load.target, load.partition) / name


def _loads(target: Target, partition: date) -> S3Uri:
    return _root(target) / "data" / partition.isoformat()


def _pointers(target: Target) -> S3Uri:
    return _root(target) / "current"


def _pointer(target: Target, partition: date) -> S3Uri:
    return _pointers(target) / f"{target.partition_column}={partition.isoformat()}" / _POINTER


def _day(pointer: S3Uri) -> date | None:
    """Return the day of a pointer; None of what others, such as Spark and Hive, put beside them."""
    found = _POINTER_OF_A_DAY.search(pointer.key)
    return date.fromisoformat(found["day"]) if found else None
