"""A whole ``pipeline.yaml``, and the folder it lies in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline.checks import Checks
from batch_transform.scoring.pipeline.fields import (
    Day,
    Name,
    Place,
    Section,
    Text,
    TimeOfDay,
    TimeZone,
)
from batch_transform.scoring.pipeline.job import Limits, Model, Recover, Transform
from batch_transform.scoring.pipeline.loading import Loading
from batch_transform.scoring.pipeline.notify import Notify
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.pipeline.record import Record, Shards
from batch_transform.scoring.pipeline.source import Extract, Files, Query, Source
from batch_transform.scoring.pipeline.target import Prediction, Target
from batch_transform.scoring.pipeline.workers import Workers

_LONGEST_NAME = 63
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
_LARGEST_COPY = 5_000_000_000
_ACCEPTED: dict[str, Literal["csv", "jsonl"]] = {
    "text/csv": "csv",
    "application/json": "jsonl",
    "application/jsonlines": "jsonl",
}


class Schedule(Section):
    """When the nightly run fires, and whose midnights bound a partition.

    Attributes:
        at: local time at which a partition is scored, on the day after it, quoted: ``"02:00"``. A
            time that the clocks skip fires as late as they jump; one that comes twice fires at the
            first.
        timezone: IANA name; its midnights bound a partition.
    """

    at: TimeOfDay
    timezone: TimeZone


class PipelineFile(Section):
    """One ``pipeline.yaml``.

    Attributes:
        description: one sentence; shown in the UI.
        owner: who is asked when a run fails.
        schedule: when the nightly run fires.
        start_date: the first partition, ``YYYY-MM-DD``; a run of an earlier day fails and says so.
        source: what is read: a query, or files in S3.
        extract: in how many tasks it is read.
        record: how a record is written.
        shards: how records are cut into S3 objects.
        model: the SageMaker model.
        transform: the transform job.
        predictions: the predicted columns, by name.
        target: where the predictions go.
        load: in how many tasks their proof is made.
        limits: when a run gives up.
        recover: what becomes of answers that are there, and wrong.
        checks: what is checked before a partition is published.
        notify: who is told how a run went.
        workers: which workers run the tasks.
    """

    description: Text
    owner: Text
    schedule: Schedule
    start_date: Day
    source: Source
    extract: Extract = Extract()
    record: Record
    shards: Shards = Shards()
    model: Model
    transform: Transform
    predictions: Annotated[dict[Name, Prediction], Field(min_length=1)]
    target: Target
    load: Loading = Loading()
    limits: Limits = Limits()
    recover: Recover = Recover()
    checks: Checks = Checks()
    notify: Notify | None = None
    workers: Workers = Workers()

    @property
    def reply_format(self) -> Literal["csv", "jsonl"]:
        """Format of the outputs: that of the records, unless ``Accept`` is overridden."""
        accept = self.transform.requested("TransformOutput", "Accept", "")
        return _ACCEPTED.get(accept, self.record.format)

    @property
    def unloads(self) -> bool:
        """Whether the database unloads the rows of the query."""
        return isinstance(self.source, Query) and self.source.unload is not None

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the sections to each other."""
        return self.broken_between(type(self).model_fields)

    def broken_between(self, sections: Collection[str]) -> Iterator[tuple[Place, str]]:
        """Hold to each other those of the sections that are valid by themselves."""
        for rule in _RULES:
            if rule.between <= set(sections):
                yield from rule.broken(self)


class _Rule(NamedTuple):
    """What several sections must agree on, and which."""

    between: set[str]
    broken: Callable[[PipelineFile], Iterator[tuple[Place, str]]]


def _idle_instances(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    if file.shards.min_count < file.transform.instance_count:
        yield (
            ("shards", "min_count"),
            f"is {file.shards.min_count} but transform.instance_count is"
            f" {file.transform.instance_count}: an instance without a shard is paid and idle",
        )


def _uncut_files(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    if not isinstance(file.source, Files):
        return
    if file.extract.count > 1 and file.source.format not in {"parquet", "unloaded"}:
        yield (
            ("extract",),
            f"cuts the rows of a query or of Parquet; {file.source.format} is read by one task",
        )
    if file.extract.count == 1 and file.source.by_slice:
        yield (
            ("source", "files"),
            "has {{ slice }}, so extract.slices or extract.ranges must say how many there are",
        )


def _jobs_without_slices(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    if file.transform.jobs > file.extract.count:
        yield (
            ("transform", "jobs"),
            f"is {file.transform.jobs} but the extract has {file.extract.count} slices, and a job"
            f" is sent one at least: set extract.slices to {file.transform.jobs} or more",
        )


def _uncopied_shards(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    if file.extract.count > 1 and file.shards.max_bytes > _LARGEST_COPY:
        yield (
            ("shards", "max_bytes"),
            f"is {file.shards.max_bytes} but the shards of slices are copied by S3, which copies"
            f" at most {_LARGEST_COPY} bytes at once",
        )


def _misread_replies(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    is_csv = file.reply_format == "csv"
    kind, example = (int, "an index such as -1") if is_csv else (str, "predictions[0][0]")
    for name, prediction in file.predictions.items():
        if not isinstance(prediction.at, kind):
            what = f"is {prediction.at!r}; for {file.reply_format} it reads like {example}"
            yield ("predictions", name, "at"), what


def _columns_of_the_target(file: PipelineFile) -> list[tuple[str, Place]]:
    return [
        (file.target.partition_column, ("target", "partition_column")),
        *((name, ("record", "id", number)) for number, name in enumerate(file.record.id)),
        *((name, ("predictions", name)) for name in file.predictions),
    ]


def _doubled_columns(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    seen = set()
    for name, place in _columns_of_the_target(file):
        if name in seen:
            yield (
                place,
                f"the target table would have {name} twice: partition_column, record.id and"
                " predictions must differ",
            )
        seen.add(name)


def _long_columns(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    for name, place in _columns_of_the_target(file):
        if len(name) > _LONGEST_NAME:
            yield place, f"{name} is longer than the {_LONGEST_NAME} characters of PostgreSQL"


def _means_of_no_number(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    numbers = {name for name, each in file.predictions.items() if TYPES[each.type].is_number}
    for name in file.checks.mean:
        if name not in numbers:
            yield ("checks", "mean", name), "is no prediction that is a number"


def _impossible_means(file: PipelineFile) -> Iterator[tuple[Place, str]]:
    if file.checks.bounds.level != "block":
        return
    for name, mean in file.checks.mean.items():
        bounds = file.predictions.get(name, Prediction(at=0))
        place = ("checks", "mean", name)
        if mean.geq_to is not None and bounds.max is not None and mean.geq_to > bounds.max:
            yield (*place, "geq_to"), f"is above predictions.{name}.max, so no mean can meet it"
        if mean.leq_to is not None and bounds.min is not None and mean.leq_to < bounds.min:
            yield (*place, "leq_to"), f"is below predictions.{name}.min, so no mean can meet it"


_RULES = (
    _Rule({"shards", "transform"}, _idle_instances),
    _Rule({"extract", "source"}, _uncut_files),
    _Rule({"extract", "transform"}, _jobs_without_slices),
    _Rule({"extract", "shards"}, _uncopied_shards),
    _Rule({"record", "transform", "predictions"}, _misread_replies),
    _Rule({"target", "record", "predictions"}, _doubled_columns),
    _Rule({"target", "record", "predictions"}, _long_columns),
    _Rule({"checks", "predictions"}, _means_of_no_number),
    _Rule({"checks", "predictions"}, _impossible_means),
)


class Pipeline(BaseModel):
    """A pipeline folder, read and valid.

    Attributes:
        name: the folder's name, also the DAG's id.
        folder: where it lies.
        settings: the content of ``pipeline.yaml``.
        query: what is read: the text of the SQL file, its identifiers filled in; of
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
