"""What a pipeline reads, and in how many tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from batch_transform.scoring.pipeline import filepattern
from batch_transform.scoring.pipeline.athena_place import AthenaPlace
from batch_transform.scoring.pipeline.fields import (
    ConnId,
    Duration,
    FileName,
    Flag,
    Integer,
    Name,
    Place,
    Section,
    Text,
    broken_rule,
    twice,
)
from batch_transform.scoring.pipeline.redshift_place import RedshiftPlace
from batch_transform.scoring.pipeline.snowflake_place import SnowflakePlace
from batch_transform.scoring.pipeline.workers import Workers

_MOST = 100
_LARGEST = 2**63  # an integer id is one of a database's bigint
# Pydantic's, in the place of a mistake; no settings of ours.
SOURCE_TAGS = ("(query)", "(files)")


def _pattern(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a pattern of files, such as s3://lake/day={{ partition }}/*.csv")
    problems = list(filepattern.problems(value))
    if problems:
        raise broken_rule("; ".join(problems))
    return value


def _delimiter(value: Any) -> Any:
    is_character = isinstance(value, str) and len(value) == 1 and value.isascii()
    if not is_character or value in '"\r\n\0':
        raise ValueError('must be one ASCII character such as ";" or "\\t", no quote')
    return value


EngineName = Literal["redshift", "snowflake", "athena"]  # of its page in docs, too
ENGINES: Mapping[EngineName, type[RedshiftPlace | SnowflakePlace | AthenaPlace]] = {
    "redshift": RedshiftPlace,
    "snowflake": SnowflakePlace,
    "athena": AthenaPlace,
}
_TELLING: Mapping[str, EngineName] = {"stage": "snowflake", "catalog": "athena"}


def engine_of(unload: Any) -> EngineName:
    """Tell an engine by a setting that no other has; Redshift has none."""
    named = dict(unload) if isinstance(unload, Section | Mapping) else {}
    return next((engine for key, engine in _TELLING.items() if key in named), "redshift")


def engine_tag(engine: EngineName) -> str:
    """Return what pydantic puts in the place of a mistake; no setting of ours."""
    return f"({engine})"


Engine = Annotated[
    Annotated[RedshiftPlace, Tag(engine_tag("redshift"))]
    | Annotated[SnowflakePlace, Tag(engine_tag("snowflake"))]
    | Annotated[AthenaPlace, Tag(engine_tag("athena"))],
    Discriminator(lambda unload: engine_tag(engine_of(unload))),
]


class Query(Section):
    """Records from a SQL database.

    Attributes:
        conn_id: Airflow connection of a SQL database; of AWS where the source is files, or unloads.
        sql: the query's file, beside ``pipeline.yaml``.
        identifiers: names of tables and columns that the query has as ``{{ name }}``:
            ``{table: source.flights}``; one that it has not is refused. Values are bound, never
            pasted.
        unload: how Redshift, Snowflake by its ``stage``, or Athena by its ``catalog``, unloads the
            rows for the tasks of the extract.
        wait: how long ``plan`` waits for the first row of the partition, or for the first file:
            ``2h``. It looks every minute at first, then every five, and holds no worker meanwhile.
        asset: name of an Airflow asset whose event is waited for instead: one with the partition's
            key, or one without a key after the partition's end. A DAG must declare it.
    """

    conn_id: ConnId
    sql: FileName
    identifiers: dict[Name, Text] = Field(default_factory=dict)
    unload: Engine | None = None
    wait: Duration | None = None
    asset: Text | None = None

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold what is waited for to how long, and to who can be asked."""
        yield from _endless(self)
        if self.unload is not None and self.wait is not None:
            yield ("wait",), "asks the source for its first row, and one that unloads is not asked"


class Files(Section):
    r"""Records from files in S3.

    Attributes:
        conn_id: Airflow connection of a SQL database; of AWS where the source is files, or unloads.
        files: pattern of the files of a partition; of ``unloaded`` the one key of their list,
            ``s3://lake/day={{ partition }}/unloaded.json``.
        format: ``parquet``, ``csv`` or ``jsonl``; CSV and JSON Lines may be gzip, whatever their
            names. ``unloaded``: Parquet in folders of slices, which another program has written and
            listed.
        columns: of a CSV without a header: all its columns, in their order. Else: the columns that
            ``reshape.py`` sees, which are the record's, or those of the first file, where none are
            named.
        header: csv: whether each file begins with the names of its columns.
        delimiter: csv: one ASCII character: ``";"``, ``"\t"``.
        wait: how long ``plan`` waits for the first row of the partition, or for the first file:
            ``2h``. It looks every minute at first, then every five, and holds no worker meanwhile.
        asset: name of an Airflow asset whose event is waited for instead: one with the partition's
            key, or one without a key after the partition's end. A DAG must declare it.
    """

    conn_id: ConnId
    files: Annotated[str, BeforeValidator(_pattern)]
    format: Literal["parquet", "csv", "jsonl", "unloaded"]
    columns: Annotated[list[Text], Field(min_length=1)] | None = None
    header: Flag = True
    delimiter: Annotated[str, BeforeValidator(_delimiter)] = ","
    wait: Duration | None = None
    asset: Text | None = None

    @property
    def selection(self) -> str:
        """Which files are read and how, whatever connection leads to them, and when."""
        return self.model_dump_json(exclude={"conn_id", "wait", "asset"})

    @property
    def by_slice(self) -> bool:
        """Whether the pattern says which slice each file is of."""
        return filepattern.is_by_slice(self.files)

    @property
    def is_listed(self) -> bool:
        """Whether another program has written slices, and a list of what it has written."""
        return self.format == "unloaded"

    @property
    def unnamed(self) -> bool:
        """Whether the files do not say which columns they have."""
        return self.format == "jsonl" or not self.header

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the settings to those of the format, and what is waited for to how long."""
        yield from _endless(self)
        doubled = twice(self.columns or [])
        if doubled:
            yield ("columns",), f"names {', '.join(doubled)} more than once"
        for name in sorted(self.model_fields_set & {"header", "delimiter"}):
            if self.format != "csv":
                yield (name,), f"is for csv; {self.format} has none"
        if self.is_listed and filepattern.is_wild(self.files):
            yield ("files",), "has wildcards; it is the one key of the list, such as unloaded.json"


def _endless(source: Query | Files) -> Iterator[tuple[Place, str]]:
    if source.asset is not None and source.wait is None:
        yield ("asset",), "is waited for, and nothing says how long: set source.wait, such as 2h"


def _tag(source: Any) -> str | None:
    if isinstance(source, Query | Files):
        return SOURCE_TAGS[isinstance(source, Files)]
    if not isinstance(source, Mapping) or ("sql" in source) == ("files" in source):
        return None
    return SOURCE_TAGS["files" in source]


Source = Annotated[
    Annotated[Query, Tag(SOURCE_TAGS[0])] | Annotated[Files, Tag(SOURCE_TAGS[1])],
    Discriminator(
        _tag,
        custom_error_type="source",
        custom_error_message="a source has either sql, a query's file, or files, a pattern in S3",
    ),
]


def _boundary(value: Any) -> Any:
    is_integer = type(value) is int and -_LARGEST <= value < _LARGEST
    if not is_integer and not (isinstance(value, str) and value and "\0" not in value):
        raise ValueError('must be an id: an integer of 64 bits, or a quoted text such as "m"')
    return value


_Boundary = Annotated[int | str, BeforeValidator(_boundary)]
_Boundaries = Annotated[tuple[_Boundary, ...], Field(min_length=1, max_length=_MOST - 1)]


class Extract(Section):
    """How the extract's rows are spread over tasks; the first column of ``record.id`` decides.

    Attributes:
        slices: number of tasks that read at once, each the integer ids with another remainder.
        ranges: instead: ascending boundaries between what the tasks read, ``[1000000, 2000000]`` or
            ``["h", "p"]``; N boundaries are N + 1 slices, between which no id can fall.
        workers: which workers read, and how many of the tasks at once; what is not set here is
            that of ``workers``.
    """

    slices: Annotated[Integer, Field(ge=1, le=_MOST)] | None = None
    ranges: _Boundaries | None = None
    workers: Workers = Workers()

    @property
    def count(self) -> int:
        """Number of slices."""
        return len(self.ranges) + 1 if self.ranges else self.slices or 1

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the boundaries to one way of cutting, one type, and an order."""
        if self.slices is not None and self.ranges is not None:
            yield (), "give either slices or ranges"
        if len({type(boundary) for boundary in self.ranges or ()}) > 1:
            yield ("ranges",), "mixes integers and texts; the ids are one or the other"
            return
        for low, high in pairwise(self.ranges or ()):
            if not low < high:  # type: ignore[operator]  # both are of one type
                yield ("ranges",), f"must ascend, but {high!r} comes after {low!r}"
