"""What a pipeline reads, and how records are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ByteSize, Discriminator, Field, Tag, field_validator, model_validator

from include.scoring import filepattern
from include.scoring.spec.fields import Name, Section

ENGINE_OUTPUT = "SageMakerOutput"  # the key under which SageMaker joins a JSON reply
SOURCE_TAGS = ("(query)", "(files)")  # pydantic's, in the place of a mistake; no setting of ours


class Query(Section):
    """Records from a SQL database.

    Attributes:
        conn_id: the Airflow connection of the database.
        sql: the file with the query, beside ``pipeline.yaml``.
        identifiers: names of tables and columns that the query has as ``{{ name }}``.
    """

    conn_id: str
    sql: str
    identifiers: dict[Name, str] = Field(default_factory=dict)


class Files(Section):
    """Records from files in S3.

    Attributes:
        conn_id: the Airflow connection of AWS.
        files: pattern of the files of a partition; see ``filepattern``.
        format: of all the files; csv and jsonl may be gzip.
        columns: the columns to read where the files do not say, or ``reshape.py`` is to see some of
            them only; of a CSV without a header all that it has, in its order.
        header: whether each CSV file begins with the names of its columns.
        delimiter: what stands between two fields of CSV.
    """

    conn_id: str
    files: str
    format: Literal["parquet", "csv", "jsonl"]
    columns: Annotated[list[str], Field(min_length=1)] | None = None
    header: bool = True
    delimiter: str = ","

    @property
    def asked(self) -> str:
        """What the files are asked, whatever connection leads to them."""
        return self.model_dump_json(exclude={"conn_id"})

    @property
    def unnamed(self) -> bool:
        """Whether the files do not say which columns they have."""
        return self.format == "jsonl" or not self.header

    @field_validator("files")
    @classmethod
    def _readable(cls, pattern: str) -> str:
        problems = list(filepattern.problems(pattern))
        if problems:
            raise ValueError("; ".join(problems))
        return pattern

    @field_validator("columns")
    @classmethod
    def _distinct(cls, columns: list[str] | None) -> list[str] | None:
        doubled = sorted({name for name in columns or () if (columns or []).count(name) > 1})
        if doubled:
            raise ValueError(f"it names {', '.join(doubled)} more than once")
        return columns

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str) -> str:
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
            raise ValueError('a delimiter is one ASCII character such as ";" or "\\t", no quote')
        return delimiter

    @model_validator(mode="after")
    def _of_csv_alone(self) -> Self:
        surplus = sorted(self.model_fields_set & {"header", "delimiter"})
        if self.format != "csv" and surplus:
            raise ValueError(f"only csv has {' and '.join(surplus)}; {self.format} has none")
        return self


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
    min_count: Annotated[int, Field(ge=1)] = 1
