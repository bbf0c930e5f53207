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
        nan: ``empty`` writes NaN as NULL.
        infinity: ``empty`` writes an infinity as NULL.
        line_break: ``space`` writes a line break in CSV text as one space.
        nul: ``drop`` leaves NUL characters out of CSV text.
        surrogate: ``replace`` writes half of a surrogate pair as U+FFFD.
        oversized: ``quarantine`` keeps a record larger than ``transform.max_payload_mb`` out of
            the shards, and in an object of its own.
    """

    nan: Literal["refuse", "empty"] = "refuse"
    infinity: Literal["refuse", "empty"] = "refuse"
    line_break: Literal["refuse", "space"] = "refuse"
    nul: Literal["refuse", "drop"] = "refuse"
    surrogate: Literal["refuse", "replace"] = "refuse"
    oversized: Literal["refuse", "quarantine"] = "refuse"


class Record(Section):
    """Shape of a record. The order of ``features`` is the model's contract."""

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
        max_bytes: size that no shard passes, before compression.
        max_records: number of records that no shard passes.
        min_count: number of shards there are at least, where there are as many records.
    """

    max_bytes: Size = 64_000_000
    max_records: Annotated[Integer, Field(ge=1)] | None = None
    min_count: Annotated[Integer, Field(ge=1, le=10_000)] = 1
