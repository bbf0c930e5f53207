"""The statements by which Redshift unloads a query: parts of the builder's own around the user's.

Types are cast to what Parquet keeps exactly: timestamps with a zone to UTC without one, since
UNLOAD would leave the session's.
https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_transform.scoring.aws.redshift_text import quoted, spelt
from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline.contract import check
from batch_transform.scoring.pipeline.query import statement, with_parameters
from batch_transform.scoring.queries import literal, queries
from batch_transform.scoring.sources.unloaded.engine import Question

_SQL = Path(__file__).parent / "sql" / "redshift.sql"
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("int2", "int4", "int8"), "integer"),
    "numeric": "decimal",
    **dict.fromkeys(("float4", "float8"), "float"),
    "bool": "boolean",
    **dict.fromkeys(("varchar", "bpchar", "text", "name"), "text"),
    "date": "date",
    "timestamptz": "timestamp",
}
_CASTS = {
    "float4": "CAST({column} AS double precision)",
    "name": "CAST({column} AS varchar)",
    "timestamptz": "{column} AT TIME ZONE 'UTC'",
}
_MANIFEST = "manifest"
_FOLDER = re.compile(r"/batch_transform_slice=([0-9]+)/[^/]+\Z")


@dataclass(frozen=True, kw_only=True)
class RedshiftColumn:
    """A column of a query as the Data API describes it."""

    name: str
    type_name: str

    @property
    def as_column(self) -> Column:
        """The column with its kind."""
        return Column(name=self.name, kind=_KINDS.get(self.type_name), source_type=self.type_name)


def describe(question: Question) -> str:
    """Return the statement that shows a query's columns."""
    return queries(_SQL)["describe"].format(query=_query(question))


def instants(columns: Sequence[RedshiftColumn]) -> tuple[str, ...]:
    """Return the columns that are unloaded as timestamps in UTC."""
    return tuple(each.name for each in columns if each.type_name == "timestamptz")


def check_columns(columns: Sequence[RedshiftColumn], question: Question) -> None:
    """Refuse a query before it is run.

    Raises:
        SourceError: its columns are not those of the contract, or have types that no record has.
    """
    if question.pipeline.reshape is None:
        check([each.as_column for each in columns], question.pipeline)
    for each in columns:
        if each.type_name not in _KINDS:
            raise SourceError(
                f"Column {each.name} is {each.type_name}, which no record has; cast it in the"
                " query, a timestamp without time zone AT TIME ZONE"
            )
    first = question.pipeline.settings.record.id[0]
    known = {each.name: each.as_column.kind for each in columns}
    if question.parts and first not in known:
        raise SourceError(f"The query has no column {first}, the id by which slices are cut")
    for part in question.parts[:1]:
        part.check_kind(first, known[first])


def unload(
    question: Question, columns: Sequence[RedshiftColumn], into: S3Uri, role: str
) -> list[str]:
    """Return the statements of one transaction that unload a query's rows.

    The count is of the rows that are unloaded, since both are of one temporary table.
    """
    written = queries(_SQL)
    casts = [f"{_cast(each)} AS {quoted(each.name)}" for each in columns]
    zone = literal(question.partition.timezone)
    return [
        written["set_timezone"].format(timezone=zone),
        written["keep"].format(
            columns=", ".join(casts),
            slice=_slice(question),
            query=_query(question),
        ),
        written["count"],
        written["unload"].format(
            prefix=literal(f"{into}/"), role="default" if role == "default" else literal(role)
        ),
        written["unloaded"],
    ]


def manifest_of(into: S3Uri) -> S3Uri:
    """Say where UNLOAD leaves the list of its files."""
    return into / _MANIFEST


def slice_of(uri: str) -> int:
    """Read from the name of a file which slice it is of.

    Raises:
        SourceError: it does not say so.
    """
    match = _FOLDER.search(uri)
    if match is None:
        raise SourceError(f"{uri} is in no folder of a slice")
    return int(match[1])


def _query(question: Question) -> str:
    """Return the query with its parameters as literals of the builder's own.

    https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_SqlParameter.html
    """
    partition = question.partition
    values = {
        "partition": spelt(partition.day),
        "partition_start": spelt(partition.start),
        "partition_end": spelt(partition.end),
    }
    return with_parameters(statement(question.pipeline.query), values.__getitem__)


def _cast(column: RedshiftColumn) -> str:
    return _CASTS.get(column.type_name, "{column}").format(column=quoted(column.name))


def _slice(question: Question) -> str:
    if not question.parts:
        return "0"
    last = question.parts[-1]
    column = quoted(question.pipeline.settings.record.id[0])
    if last.modulus is not None:
        return f"coalesce(({column} % {last.modulus} + {last.modulus}) % {last.modulus}, 0)"
    cases = [
        f"WHEN {column} >= {spelt(floor)} THEN {number}"
        for number, floor in reversed(list(enumerate(last.floors, start=1)))
    ]
    return f"CASE {' '.join(cases)} ELSE 0 END"
