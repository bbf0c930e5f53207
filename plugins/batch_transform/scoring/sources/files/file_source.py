"""Rows of files in S3: Parquet, CSV or JSON Lines."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectChanged, ObjectStore, StoredObject
from batch_transform.scoring.errors import SourceChanged, SourceError
from batch_transform.scoring.kinds import Column, Row
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Files, Pipeline, contract
from batch_transform.scoring.pipeline.filepattern import glob
from batch_transform.scoring.sources.files.csv_format import CsvFormat
from batch_transform.scoring.sources.files.json_format import JsonLinesFormat
from batch_transform.scoring.sources.files.opened import FileFormat, OpenedFile, Texts
from batch_transform.scoring.sources.files.parquet_format import ParquetFormat
from batch_transform.scoring.sources.protocol import (
    Expected,
    Lines,
    Source,
    Table,
    TableFunction,
    encoded,
    unchanged,
)

_Parts = Iterable[tuple[S3Uri, OpenedFile]]


class FileSource(Source):
    """The files that match a pattern, in the order of their keys, and their rows as they stand.

    They are listed once. Each is then downloaded, one at a time, to the worker's disk, and only as
    it was when it was listed, so that an extract reads one snapshot; SourceChanged where it is
    another, or gone. Where no file matches, the data have not come: a SourceError.
    """

    def __init__(self, objects: ObjectStore, reshape: TableFunction = unchanged) -> None:
        """Read from an object store, and reshape the rows."""
        self._objects = objects
        self._reshape = reshape

    @override
    def expected(self, partition: Partition, pipeline: Pipeline) -> Expected:
        matching = self._matching(_files(pipeline), partition)
        sizes = [self._objects.size(each.uri) for each in matching]
        return Expected(size=sum(sizes), told_by=f"the sizes of {len(sizes)} files")

    @override
    def is_there(self, partition: Partition, pipeline: Pipeline) -> bool:
        return next(self._listed(_files(pipeline), partition), None) is not None

    @override
    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        return encoded(self._reshape(self.read(partition, pipeline)), pipeline)

    def read(self, partition: Partition, pipeline: Pipeline) -> Table:
        """Read a partition's files.

        Without ``reshape.py`` only the record's columns are read, by name, whatever others there
        are and in whatever order.
        """
        settings = _files(pipeline)
        parts = self._parts(self._matching(settings, partition), _format(settings, pipeline))
        first = next(parts, None)
        columns = _columns(first[1] if first else None, settings, pipeline)
        if first is None:
            return Table(columns=columns, rows=iter(()))
        return Table(columns=columns, rows=_rows(chain([first], parts), columns, pipeline))

    def _listed(self, settings: Files, partition: Partition) -> Iterator[StoredObject]:
        files = glob(settings.files, partition.day)
        listed = self._objects.listed(files.start)
        return (stored for stored in listed if files.keys.fullmatch(stored.uri.key))

    def _matching(self, settings: Files, partition: Partition) -> list[StoredObject]:
        matching = list(self._listed(settings, partition))
        if not matching:
            raise SourceError(
                f"No file of partition {partition.label} matches {settings.files}: the data have"
                " not come. Clear the task when they have; a file without rows is an empty day"
            )
        return matching

    def _parts(
        self, matching: Iterable[StoredObject], file_format: FileFormat
    ) -> Generator[tuple[S3Uri, OpenedFile]]:
        """Yield the files that say what columns they have; each is gone on the next step."""
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
                with _named(stored.uri):
                    part = file_format.open(Path(file.name))
                if part is not None:
                    yield stored.uri, part


def _files(pipeline: Pipeline) -> Files:
    settings = pipeline.settings.source
    if not isinstance(settings, Files):
        raise TypeError(f"the source of {pipeline.name} is no files")
    return settings


def _format(settings: Files, pipeline: Pipeline) -> FileFormat:
    if settings.format == "parquet":
        return ParquetFormat()
    kinds = {column.name: column.kind for column in pipeline.contract or () if column.kind}
    if settings.format == "jsonl":
        return JsonLinesFormat(Texts(kinds=kinds))
    names = None if settings.header else settings.columns or pipeline.settings.record.columns
    return CsvFormat(Texts(kinds=kinds, columns=names, delimiter=settings.delimiter))


def _columns(part: OpenedFile | None, settings: Files, pipeline: Pipeline) -> tuple[Column, ...]:
    """Return the columns to read, with the kinds that the first file knows."""
    has = () if part is None else part.columns or ()
    if pipeline.reshape is None:
        names: Sequence[str] = pipeline.settings.record.columns
    else:
        names = settings.columns or [column.name for column in has]
    kinds = {column.name: column for column in has}
    return tuple(kinds.get(name, Column(name=name)) for name in names)


def _rows(parts: _Parts, columns: Sequence[Column], pipeline: Pipeline) -> Iterator[Row]:
    names = [column.name for column in columns]
    seen: set[str] = set()
    for uri, part in parts:
        with _named(uri):
            if part.columns is not None:
                _check(part.columns, columns, pipeline)
            yield from part.rows(names)
        seen |= part.seen
    unseen = [name for name in names if name not in seen]
    if seen and unseen:
        raise SourceError(
            f"No line of the files has the key {', '.join(unseen)}; was it renamed? Where it is"
            " NULL in every row, one line must say so"
        )


def _check(has: Sequence[Column], columns: Sequence[Column], pipeline: Pipeline) -> None:
    """Check that a file has the columns to read, once each, and of the kinds of the first file."""
    names = [column.name for column in has]
    for column in columns:
        if names.count(column.name) > 1:
            raise SourceError(f"it has the column {column.name} twice")
    if any(column.name not in names for column in columns):
        if pipeline.reshape is None:
            contract.check(has, pipeline)
        missing = [column.name for column in columns if column.name not in names]
        raise SourceError(f"it has no column {', '.join(missing)}")
    for column in columns:
        mine = has[names.index(column.name)]
        if column.kind and mine.kind and column.kind != mine.kind:
            raise SourceError(
                f"column {column.name} is {mine.source_type or mine.kind}, where it is"
                f" {column.source_type or column.kind} in the files before"
            )


@contextmanager
def _named(uri: S3Uri) -> Iterator[None]:
    """Say which file an error is about."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"{uri}: {error}") from error
