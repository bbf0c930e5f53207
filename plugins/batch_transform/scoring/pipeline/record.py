"""How records are written, and cut into S3 objects."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ByteSize, Field, model_validator

from batch_transform.scoring.pipeline.fields import Name, Section

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

    @model_validator(mode="after")
    def _distinct_columns(self) -> Self:
        doubled = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if doubled:
            raise ValueError(f"id and features name {', '.join(doubled)} more than once")
        if self.format == "jsonl" and ENGINE_OUTPUT in self.columns:
            raise ValueError(f"a record may not have a column {ENGINE_OUTPUT}: SageMaker adds it")
        return self


class Shards(Section):
    """How records are cut into S3 objects.

    Attributes:
        max_bytes: size that no shard passes, before compression.
        max_records: number of records that no shard passes.
        min_count: number of shards there are at least, where there are as many records.
    """

    max_bytes: Annotated[ByteSize, Field(gt=0)] = ByteSize(64_000_000)
    max_records: Annotated[int, Field(gt=0)] | None = None
    min_count: Annotated[int, Field(ge=1, le=10_000)] = 1
