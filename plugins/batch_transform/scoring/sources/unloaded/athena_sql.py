"""The statements by which Athena unloads a query: parts of the builder's own around the user's.

Types are cast to what Parquet keeps exactly: a timestamp with a zone to UTC without one, since
UNLOAD writes none.
https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.queries import literal, queries
from batch_transform.scoring.sources.unloaded.asked_rows import query, slice_number
from batch_transform.scoring.sources.unloaded.engine import Question
from batch_transform.scoring.statement_text import StatementText

ATHENA = StatementText(literal=literal, moment="CAST('{} UTC' AS timestamp with time zone)")
_SQL = Path(__file__).parent / "sql" / "athena.sql"
_INSTANT = "timestamp with time zone"
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), "integer"),
    "decimal": "decimal",
    **dict.fromkeys(("float", "double"), "float"),
    "boolean": "boolean",
    **dict.fromkeys(("varchar", "char"), "text"),
    "date": "date",
    _INSTANT: "timestamp",
}
_CASTS = {
    "float": "CAST({column} AS double)",
    "char": "CAST({column} AS varchar)",
    _INSTANT: "CAST({column} AT TIME ZONE 'UTC' AS timestamp)",
}


@dataclass(frozen=True, kw_only=True)
class AthenaColumn:
    """A column of a query as Athena describes it."""

    name: str
    type_name: str

    @property
    def as_column(self) -> Column:
        """The column with its kind."""
        return Column(name=self.name, kind=_KINDS.get(self.type_name), source_type=self.type_name)


def describe(question: Question) -> str:
    """Return the statement that shows a query's columns."""
    return queries(_SQL)["describe"].format(query=query(question, ATHENA))


def instants(columns: Sequence[AthenaColumn]) -> tuple[str, ...]:
    """Return the columns that are unloaded as timestamps in UTC."""
    return tuple(each.name for each in columns if each.type_name == _INSTANT)


def unload(question: Question, columns: Sequence[AthenaColumn], into: S3Uri) -> str:
    """Return the statement that unloads a query's rows, each into the folder of its slice."""
    casts = [f"{_cast(each)} AS {ATHENA.quoted(each.name)}" for each in columns]
    first = ATHENA.quoted(question.pipeline.settings.record.id[0])
    return queries(_SQL)["unload"].format(
        columns=", ".join(casts),
        slice=slice_number(question, first, ATHENA),
        query=query(question, ATHENA),
        prefix=literal(f"{into}/"),
    )


def _cast(column: AthenaColumn) -> str:
    return _CASTS.get(column.type_name, "{column}").format(column=ATHENA.quoted(column.name))
