"""The statements by which Redshift unloads a query: parts of the builder's own around the user's.

Types are cast to what Parquet keeps exactly: timestamps with a zone to UTC without one, since
UNLOAD would leave the session's.
https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_transform.scoring.aws.redshift_text import REDSHIFT
from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.queries import literal, queries
from batch_transform.scoring.sources.unloaded.asked_rows import query, slice_number
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
    return queries(_SQL)["describe"].format(query=query(question, REDSHIFT))


def instants(columns: Sequence[RedshiftColumn]) -> tuple[str, ...]:
    """Return the columns that are unloaded as timestamps in UTC."""
    return tuple(each.name for each in columns if each.type_name == "timestamptz")


def unload(
    question: Question, columns: Sequence[RedshiftColumn], into: S3Uri, role: str
) -> list[str]:
    """Return the statements of one transaction that unload a query's rows.

    The count is of the rows that are unloaded, since both are of one temporary table.
    """
    written = queries(_SQL)
    casts = [f"{_cast(each)} AS {REDSHIFT.quoted(each.name)}" for each in columns]
    first = REDSHIFT.quoted(question.pipeline.settings.record.id[0])
    zone = literal(question.partition.timezone)
    return [
        written["set_timezone"].format(timezone=zone),
        written["keep"].format(
            columns=", ".join(casts),
            slice=slice_number(question, first, REDSHIFT),
            query=query(question, REDSHIFT),
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


def _cast(column: RedshiftColumn) -> str:
    return _CASTS.get(column.type_name, "{column}").format(column=REDSHIFT.quoted(column.name))
