"""The columns that are read of files, and what each file must have of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Files, Pipeline, contract


def files_of(pipeline: Pipeline) -> Files:
    """Return the settings of a pipeline's files."""
    settings = pipeline.settings.source
    if not isinstance(settings, Files):
        raise TypeError(f"the source of {pipeline.name} is no files")
    return settings


def picked(has: Sequence[Column], pipeline: Pipeline) -> tuple[Column, ...]:
    """Return the columns to read, with the kinds that the first file knows."""
    names: Sequence[str] = pipeline.settings.record.columns
    if pipeline.reshape is not None:
        source = pipeline.settings.source
        chosen = source.columns if isinstance(source, Files) else None
        names = chosen or [column.name for column in has]
    known = {column.name: column for column in has}
    return tuple(known.get(name, Column(name=name)) for name in names)


def check_picked(has: Sequence[Column], columns: Sequence[Column], pipeline: Pipeline) -> None:
    """Check that a file has the columns to read, once each, and of the kinds of the first file.

    Raises:
        SourceError: it has not.
    """
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
def named(uri: S3Uri) -> Iterator[None]:
    """Say which file an error is about."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"{uri}: {error}") from error
