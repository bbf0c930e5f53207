"""Rows of files in S3: Parquet, CSV or JSON Lines."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectChanged, ObjectStore, StoredObject
from batch_transform.scoring.errors import SourceChanged, SourceError
from batch_transform.scoring.kinds import Column, Row
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Files, Pipeline
from batch_transform.scoring.pipeline.filepattern import Glob, glob
from batch_transform.scoring.sources.files.csv_format import CsvFormat
from batch_transform.scoring.sources.files.json_format import JsonLinesFormat
from batch_transform.scoring.sources.files.opened import FileFormat, OpenedFile, Texts
from batch_transform.scoring.sources.files.parquet_table import Lying, ParquetTable
from batch_transform.scoring.sources.files.picked import check_picked, files_of, named, picked
from batch_transform.scoring.sources.protocol import (
    Expected,
    Lines,
    Source,
    Table,
    TableFunction,
    encoded,
    unchanged,
)
from batch_transform.scoring.sources.slices import Slice

_Parts = Iterable[tuple[S3Uri, OpenedFile]]


class FileSource(Source):
    """The files that match a pattern.

    CSV and JSON Lines come in the order of the files' keys, and their rows as they stand. Parquet
    files are one table, whose rows come in the order of their ids.

    They are listed once. Each is then downloaded, one at a time, to the worker's disk, and only as
    it was when it was listed, so that an extract reads one snapshot; SourceChanged where it is
    another, or gone. Where no file matches, the data have not come: a SourceError.
    """

    def __init__(
        self,
        objects: ObjectStore,
        reshape: TableFunction = unchanged,
        part: Slice | None = None,
    ) -> None:
        """Read from an object store, and reshape the rows.

        Where there is a slice, only its rows are read; it is cut before they are reshaped, and
        only Parquet is.
        """
        self._objects = objects
        self._reshape = reshape
        self._part = part

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        matching = self._matching(files_of(pipeline), partition)
        sizes = [self._objects.size(each.uri) for each in matching]
        return Expected(size=sum(sizes), told_by=f"the sizes of {len(sizes)} files")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        files = glob(files_of(pipeline).files, partition.day)
        return next(self._listed(files), None) is not None

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        matching = self._matching(files_of(pipeline), partition)
        read_at = min((each.listed_at for each in matching), default=None)
        return replace(self._lines(matching, pipeline), part=self._part, read_at=read_at)

    def _lines(self, matching: Sequence[StoredObject], pipeline: Pipeline) -> Lines:
        if files_of(pipeline).format != "parquet":
            return encoded(self._reshape(self._read(matching, pipeline)), pipeline)
        lying = Lying(part=self._part, by_slice=files_of(pipeline).by_slice)
        table = ParquetTable(lambda: self._downloaded(matching), pipeline, lying)
        if self._reshape is unchanged:
            return table.lines()
        return encoded(self._reshape(table.read()), pipeline)

    def _read(self, matching: Sequence[StoredObject], pipeline: Pipeline) -> Table:
        """Read a partition's files of text.

        Without ``reshape.py`` only the record's columns are read, by name, whatever others there
        are and in whatever order.
        """
        parts = self._parts(matching, _format(files_of(pipeline), pipeline))
        first = next(parts, None)
        has = first[1].columns if first else None
        columns = picked(has or (), pipeline)
        if first is None:
            return Table(columns=columns, rows=iter(()))
        return Table(columns=columns, rows=_rows(chain([first], parts), columns, pipeline))

    def _listed(self, files: Glob) -> Iterator[StoredObject]:
        listed = self._objects.listed(files.start)
        return (stored for stored in listed if files.keys.fullmatch(stored.uri.key))

    def _matching(self, settings: Files, partition: Partition) -> list[StoredObject]:
        """List the partition's files, or those of the slice where they lie by slices."""
        files = glob(settings.files, partition.day)
        matching = list(self._listed(files))
        if not matching:
            raise SourceError(
                f"No file of partition {partition.label} matches {settings.files}: the data have"
                " not come. Clear the task when they have; a file without rows is an empty day"
            )
        if self._part is None or not settings.by_slice:
            return matching
        return list(_of_slice(self._part, matching, files))

    def _parts(
        self, matching: Iterable[StoredObject], file_format: FileFormat
    ) -> Generator[tuple[S3Uri, OpenedFile]]:
        """Yield the files that say what columns they have; each is gone on the next step."""
        for uri, path in self._downloaded(matching):
            with named(uri):
                part = file_format.open(path)
            if part is not None:
                yield uri, part

    def _downloaded(self, matching: Iterable[StoredObject]) -> Generator[tuple[S3Uri, Path]]:
        """Yield the files on the worker's disk; each is gone on the next step."""
        for stored in matching:
            with tempfile.NamedTemporaryFile(prefix="source-") as file:
                try:
                    self._objects.download(stored, file)
                except ObjectChanged as error:
                    raise SourceChanged(
                        f"{stored.uri} was replaced or deleted after the extract had listed it;"
                        " nothing of this attempt is used, run the extract again"
                    ) from error
                file.flush()
                yield stored.uri, Path(file.name)


def _of_slice(part: Slice, matching: Iterable[StoredObject], files: Glob) -> Iterator[StoredObject]:
    """Yield the files of a slice; one that is of none would be read by no task."""
    for stored in matching:
        number = files.slice_of(stored.uri)
        if number >= part.count:
            raise SourceError(
                f"{stored.uri} is of slice {number}, and extract makes slices 0 to"
                f" {part.count - 1}; correct extract.slices or extract.ranges"
            )
        if number == part.number:
            yield stored


def _format(settings: Files, pipeline: Pipeline) -> FileFormat:
    kinds = {column.name: column.kind for column in pipeline.contract or () if column.kind}
    if settings.format == "jsonl":
        return JsonLinesFormat(Texts(kinds=kinds))
    names = None if settings.header else settings.columns or pipeline.settings.record.columns
    return CsvFormat(Texts(kinds=kinds, columns=names, delimiter=settings.delimiter))


def _rows(parts: _Parts, columns: Sequence[Column], pipeline: Pipeline) -> Iterator[Row]:
    names = [column.name for column in columns]
    seen: set[str] = set()
    for uri, part in parts:
        with named(uri):
            if part.columns is not None:
                check_picked(part.columns, columns, pipeline)
            yield from part.rows(names)
        seen |= part.seen
    unseen = [name for name in names if name not in seen]
    if seen and unseen:
        raise SourceError(
            f"No line of the files has the key {', '.join(unseen)}; was it renamed? Where it is"
            " NULL in every row, one line must say so"
        )
