"""A partition that an engine has unloaded, as a source: each slice reads its own files."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectChanged, ObjectStore, StoredObject
from batch_transform.scoring.errors import ManifestError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.sources.files.parquet_format import rows_in
from batch_transform.scoring.sources.files.parquet_table import Lying, ParquetTable
from batch_transform.scoring.sources.protocol import (
    Expected,
    Lines,
    Source,
    TableFunction,
    encoded,
    unchanged,
)
from batch_transform.scoring.sources.slices import Slice
from batch_transform.scoring.sources.unloaded.engine import Unloaded, UnloadedFile

_UNLOAD_ANEW = "Clear unload, which unloads anew"


class UnloadedSource(Source):
    """The files that ``unloaded.json`` lists, as they were when they were unloaded.

    Files are held to what the engine has said of them: all are there and none else, each with as
    many rows, and each row in the files of its slice.

    Attributes:
        cure: what a person does where files are others.
    """

    cure = _UNLOAD_ANEW

    def __init__(
        self,
        objects: ObjectStore,
        unloaded: S3Uri,
        part: Slice | None = None,
        reshape: TableFunction = unchanged,
    ) -> None:
        """Read the files of a list, or those of a slice, and reshape their rows."""
        self._objects = objects
        self._list = unloaded
        self._part = part
        self._reshape = reshape

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        unloaded = Unloaded.from_json(self._objects.get(self._list))
        return Expected(rows=unloaded.rows, told_by="the engine that has unloaded them")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        return True

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        unloaded = Unloaded.from_json(self._objects.get(self._list))
        self._check_sums(unloaded)
        # A day without rows is empty, whatever objects an engine leaves of it.
        mine = list(self._mine(unloaded.files)) if unloaded.rows else []
        lying = Lying(part=self._part, by_slice=True, instants=frozenset(unloaded.instants))
        table = ParquetTable(lambda: self._downloaded(mine), pipeline, lying)
        if self._reshape is unchanged:
            lines = table.lines()
        else:
            lines = encoded(self._reshape(table.read()), pipeline)
        return replace(lines, part=self._part, read_at=unloaded.read_at)

    @property
    def _folder(self) -> S3Uri:
        """The prefix below which all files lie, and none else."""
        return S3Uri(self._list.bucket, self._list.key.removesuffix(".json") + "/")

    def _check_sums(self, unloaded: Unloaded) -> None:
        """Hold a list to itself, and to the slices that are read.

        Raises:
            ManifestError: its rows are not those of its files, or some are in no slice.
        """
        rows = sum(file.rows for file in unloaded.files)
        if rows != unloaded.rows:
            raise ManifestError(
                f"{self._list} says {unloaded.rows} rows, and its files have {rows}. {self.cure}"
            )
        count = 1 if self._part is None else self._part.count
        last = max((file.slice for file in unloaded.files if file.rows), default=0)
        if last >= count:
            raise ManifestError(
                f"{self._list} has rows of slice {last}, and extract.slices or extract.ranges make"
                f" {count} slices, which count from 0: let both agree"
            )

    def _mine(self, files: Sequence[UnloadedFile]) -> Iterable[_Listed]:
        there = {str(stored.uri): stored for stored in self._objects.listed(self._folder)}
        expected = {file.uri for file in files}
        # Beside them lie the manifest, and objects without a row; Athena's files have no suffix.
        suffixes = set(map(_suffix, expected))
        strange = sorted(uri for uri in set(there) - expected if _suffix(uri) in suffixes)
        missing = sorted(expected - set(there))
        if strange or missing:
            named = ", ".join([*strange, *missing][:3])
            raise ManifestError(
                f"There are files that were not unloaded, or some are gone: {named}. {self.cure}"
            )
        number = 0 if self._part is None else self._part.number
        for file in sorted(files, key=lambda each: each.uri):
            if file.slice == number:
                yield _Listed(stored=there[file.uri], rows=file.rows)

    def _downloaded(self, listed: Iterable[_Listed]) -> Generator[tuple[S3Uri, Path]]:
        for each in listed:
            uri = each.stored.uri
            with tempfile.NamedTemporaryFile(prefix="source-") as file:
                try:
                    self._objects.download(each.stored, file)
                except ObjectChanged as error:
                    raise ManifestError(f"{uri} is not what was unloaded. {self.cure}") from error
                file.flush()
                found = rows_in(Path(file.name))
                if found != each.rows:
                    raise ManifestError(
                        f"{uri} has {found} rows, and {each.rows} were unloaded into it."
                        f" {self.cure}"
                    )
                yield uri, Path(file.name)


def _suffix(uri: str) -> str:
    return PurePosixPath(uri).suffix


class ToUnload(Source):
    """What an engine is going to unload: only then is it known what there is."""

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        return Expected(told_by="the engine counts them when it unloads")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        return True

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        raise ManifestError(f"Nothing was unloaded. {_UNLOAD_ANEW}")


@dataclass(frozen=True, kw_only=True)
class _Listed:
    stored: StoredObject
    rows: int
