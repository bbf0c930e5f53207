"""What a pipeline reads, and in how many tasks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from batch_transform.scoring.pipeline import filepattern
from batch_transform.scoring.pipeline.fields import Name, Section

_MOST = 100
_LARGEST = 2**63  # an integer id is one of a database's bigint
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


def _boundary(value: Any) -> Any:
    is_integer = type(value) is int and -_LARGEST <= value < _LARGEST
    if not is_integer and not (isinstance(value, str) and value and "\0" not in value):
        raise ValueError('a boundary is an id: an integer of 64 bits, or a quoted text such as "m"')
    return value


_Boundary = Annotated[int | str, BeforeValidator(_boundary)]
_Boundaries = Annotated[tuple[_Boundary, ...], Field(min_length=1, max_length=_MOST - 1)]


class Extract(Section):
    """How the extract's rows are spread over tasks; the first column of ``record.id`` decides.

    Attributes:
        slices: number of slices, by the id modulo that number; for integer ids.
        ranges: instead, ascending boundaries: ids below the first, from each up to the next, and
            from the last on. N boundaries are N + 1 slices, between which no id can fall.
    """

    slices: Annotated[int, Field(ge=1, le=_MOST)] | None = None
    ranges: _Boundaries | None = None

    @property
    def count(self) -> int:
        """Number of slices."""
        return len(self.ranges) + 1 if self.ranges else self.slices or 1

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.slices is not None and self.ranges is not None:
            raise ValueError("give either slices or ranges")
        return self

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len({type(boundary) for boundary in self.ranges or ()}) > 1:
            raise ValueError("ranges mixes integers and texts; the ids are one or the other")
        for low, high in pairwise(self.ranges or ()):
            if not low < high:  # type: ignore[operator]  # both are of one type
                raise ValueError(f"ranges must ascend, but {high!r} comes after {low!r}")
        return self
