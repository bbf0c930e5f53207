"""How records are written, and cut into S3 objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from batch_transform.scoring.pipeline.fields import Integer, Name, Place, Section, Size, twice

ENGINE_OUTPUT = "SageMakerOutput"  # the key under which SageMaker joins a JSON reply


class Policies(Section):
    """What becomes of a value that cannot be written faithfully; ``refuse`` fails the extract.

    Attributes:
        nan: ``refuse``, or ``empty``: write NaN as NULL.
        infinity: ``refuse``, or ``empty``: write an infinity as NULL.
        line_break: ``refuse``, or ``space``: write a line break in CSV text as a space.
        nul: ``refuse``, or ``drop``: leave NUL characters out of CSV text.
        surrogate: ``refuse``, or ``replace``: write half of a surrogate pair as U+FFFD.
        oversized: ``refuse``, or ``quarantine``: keep a record larger than a request out of the
            shards, in an object of its own.
    """

    nan: Literal["refuse", "empty"] = "refuse"
    infinity: Literal["refuse", "empty"] = "refuse"
    line_break: Literal["refuse", "space"] = "refuse"
    nul: Literal["refuse", "drop"] = "refuse"
    surrogate: Literal["refuse", "replace"] = "refuse"
    oversized: Literal["refuse", "quarantine"] = "refuse"


class Record(Section):
    """Shape of a record.

    Attributes:
        format: ``csv`` (headerless) or ``jsonl``.
        id: columns that name a row: integers or texts, never NULL, unique in a partition.
        features: the other columns, in the order the model was trained on.
        compression: ``none`` or ``gzip``.
        policies: what becomes of a value that cannot be written faithfully.
    """

    format: Literal["csv", "jsonl"]
    id: Annotated[list[Name], Field(min_length=1)]
    features: Annotated[list[Name], Field(min_length=1)]
    compression: Literal["none", "gzip"] = "none"
    policies: Policies = Policies()

    @property
    def columns(self) -> list[str]:
        """Every column of a record, ids first."""
        return [*self.id, *self.features]

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the columns to one name each."""
        doubled = twice(self.columns)
        if doubled:
            yield ("features",), f"id and features name {', '.join(doubled)} more than once"
        if self.format == "jsonl" and ENGINE_OUTPUT in self.columns:
            yield (), f"a record may not have a column {ENGINE_OUTPUT}: SageMaker adds it"


class Shards(Section):
    """How records are cut into S3 objects.

    Attributes:
        max_bytes: bytes that no shard passes, before compression: ``64MB``.
        max_records: records that no shard passes.
        min_count: shards a small partition is spread over; at least ``instance_count``, at most
            10,000.
    """

    max_bytes: Size = 64_000_000
    max_records: Annotated[Integer, Field(ge=1)] | None = None
    min_count: Annotated[Integer, Field(ge=1, le=10_000)] = 1
