"""What an engine is that unloads: it answers a query once, in one snapshot, into Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

from pydantic import Field

from batch_transform.scoring.frozen import Frozen
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.sources.slices import Slice

Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be unloaded.

    Attributes:
        pipeline: whose query, ids and slices.
        partition: the day.
        parts: the slices; none where all rows are of slice 0.
    """

    pipeline: Pipeline
    partition: Partition
    parts: tuple[Slice, ...] = ()


class UnloadedFile(Frozen):
    """One file, as the engine says that it wrote it.

    Attributes:
        uri: where it lies.
        rows: how many it has.
        bytes: its size.
        slice: number of the slice that all of its rows are of.
    """

    uri: str
    rows: Count
    bytes: Count
    slice: Count


class Unloaded(Frozen):
    """What one statement has unloaded.

    Attributes:
        rows: how many in all files, as the engine counted the query's rows in the same snapshot.
        instants: the columns whose timestamps are instants; Parquet has them in UTC, without zone.
        files: all of them; none where the query had no rows.
        read_at: a moment before the query's snapshot, by the engine's clock.
        statement: the engine's name of the statement, for people.
    """

    rows: Count
    instants: tuple[str, ...] = ()
    files: tuple[UnloadedFile, ...]
    statement: str
    read_at: datetime | None = None

    def to_json(self) -> bytes:
        """Return the content of ``unloaded.json``."""
        return (self.model_dump_json(indent=1) + "\n").encode()


class Engine(Protocol):
    """Unloads; every call may raise Transient, or AccessRefused.

    A statement has a name that the attempts at one task share, so that what an attempt left running
    is found, though it died before it could say so.
    """

    def begin(self, question: Question, into: S3Uri, name: str) -> str:
        """Begin to unload below a prefix that nothing else has, and return the statement's handle.

        What runs under the same name is stopped first: it writes below another prefix, for nobody.

        Raises:
            SourceError: the engine refuses the query, or a column has a type that no record has.
        """

    def look(self, handle: str) -> Unloaded | None:
        """Return what a statement has unloaded; None while it runs.

        Raises:
            SourceError: it has failed, or was stopped by somebody else.
        """

    def stop(self, handle: str) -> None:
        """Stop a statement; one that is over stays as it is."""
