"""A whole ``pipeline.yaml``, and the folder it lies in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline.checks import Checks
from batch_transform.scoring.pipeline.fields import Name, Section, TimeOfDay, TimeZone
from batch_transform.scoring.pipeline.job import Limits, Model, Recover, Transform
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.pipeline.record import Record, Shards
from batch_transform.scoring.pipeline.source import Extract, Files, Source
from batch_transform.scoring.pipeline.target import Prediction, Target

_LONGEST_NAME = 63
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
_LARGEST_COPY = 5_000_000_000
_ACCEPTED: dict[str, Literal["csv", "jsonl"]] = {
    "text/csv": "csv",
    "application/json": "jsonl",
    "application/jsonlines": "jsonl",
}


class Schedule(Section):
    """When the nightly run fires, and whose midnights bound a partition."""

    at: TimeOfDay
    timezone: TimeZone


class PipelineFile(Section):
    """One ``pipeline.yaml``."""

    description: str
    owner: str
    schedule: Schedule
    start_date: date
    source: Source
    extract: Extract = Extract()
    record: Record
    shards: Shards = Shards()
    model: Model
    transform: Transform
    predictions: Annotated[dict[Name, Prediction], Field(min_length=1)]
    target: Target
    limits: Limits = Limits()
    recover: Recover = Recover()
    checks: Checks = Checks()

    @property
    def reply_format(self) -> Literal["csv", "jsonl"]:
        """Format of the outputs: that of the records, unless ``Accept`` is overridden."""
        accept = self.transform.requested("TransformOutput", "Accept", "")
        return _ACCEPTED.get(accept, self.record.format)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        problems = [
            *self._shard_problems(),
            *self._slice_problems(),
            *self._prediction_problems(),
            *self._column_problems(),
            *self._check_problems(),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _shard_problems(self) -> list[str]:
        if self.shards.min_count >= self.transform.instance_count:
            return []
        return [
            f"shards.min_count is {self.shards.min_count} but transform.instance_count is"
            f" {self.transform.instance_count}: an instance without a shard is paid and idle"
        ]

    def _slice_problems(self) -> list[str]:
        if self.extract.count == 1:
            return []
        if isinstance(self.source, Files):
            return ["extract cuts the rows of a query; files are read by one task"]
        if self.shards.max_bytes <= _LARGEST_COPY:
            return []
        return [
            f"shards.max_bytes is {self.shards.max_bytes} but the shards of slices are copied by"
            f" S3, which copies at most {_LARGEST_COPY} bytes at once"
        ]

    def _prediction_problems(self) -> list[str]:
        wanted, example = (int, "-1") if self.reply_format == "csv" else (str, "predictions[0][0]")
        return [
            f"predictions.{name}.at is {prediction.at!r}; for {self.reply_format} it reads like"
            f" {example}"
            for name, prediction in self.predictions.items()
            if not isinstance(prediction.at, wanted)
        ]

    def _column_problems(self) -> list[str]:
        columns = [self.target.partition_column, *self.record.id, *self.predictions]
        doubled = sorted({name for name in columns if columns.count(name) > 1})
        return [
            f"the target table would have {name} twice: partition_column, record.id and"
            " predictions must differ"
            for name in doubled
        ] + [
            f"the column name {name} is longer than the {_LONGEST_NAME} characters of PostgreSQL"
            for name in columns
            if len(name) > _LONGEST_NAME
        ]

    def _check_problems(self) -> list[str]:
        numbers = [name for name, each in self.predictions.items() if TYPES[each.type].is_number]
        return [
            f"checks.mean names {name}, which is no prediction that is a number"
            for name in self.checks.mean
            if name not in numbers
        ]


class Pipeline(BaseModel):
    """A pipeline folder, read and valid.

    Attributes:
        name: the folder's name, also the DAG's id.
        folder: where it lies.
        settings: the content of ``pipeline.yaml``.
        query: what the source is asked: the text of the SQL file, its identifiers filled in; of
            files the settings that say which and how.
        contract: the columns of ``contract.yaml``; None where there is no such file.
        reshape: the path of ``reshape.py``; None where there is no such file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    folder: Path
    settings: PipelineFile
    query: str
    contract: tuple[Column, ...] | None = None
    reshape: Path | None = None

    def __str__(self) -> str:
        # Airflow writes the text of a mapped task's arguments into its database.
        return self.name
