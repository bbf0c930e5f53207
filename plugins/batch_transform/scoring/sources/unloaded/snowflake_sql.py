"""The statements by which Snowflake unloads a query: parts of the builder's own around the user's.

Types are cast to what Parquet keeps exactly: integers to BIGINT, which becomes INT64; timestamps
with a zone to UTC without one, since COPY refuses them.
https://docs.snowflake.com/en/user-guide/data-unload-considerations
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column, Kind
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.queries import queries
from batch_transform.scoring.snowflake.snowflake_session import ResultColumn
from batch_transform.scoring.snowflake.snowflake_stage import ExternalStage
from batch_transform.scoring.snowflake.snowflake_text import SNOWFLAKE, exactly, spelt
from batch_transform.scoring.sources.unloaded.asked_rows import query, slice_number
from batch_transform.scoring.sources.unloaded.engine import Question

_SQL = Path(__file__).parent / "sql" / "snowflake.sql"
_INSTANTS = frozenset({"TIMESTAMP_TZ", "TIMESTAMP_LTZ"})
_KINDS: Mapping[str, Kind] = {
    "REAL": "float",
    "BOOLEAN": "boolean",
    "TEXT": "text",
    "DATE": "date",
    **dict.fromkeys(_INSTANTS, "timestamp"),
}
_FOLDER = re.compile(r"(?:\A|/)slice=([0-9]+)/[^/]+\Z")


@dataclass(frozen=True, kw_only=True)
class SnowflakeColumn:
    """A column of a query.

    Attributes:
        found: as Snowflake describes it.
        name: as the record has it.
    """

    found: ResultColumn
    name: str

    @property
    def as_column(self) -> Column:
        """The column with its kind."""
        kind = _KINDS.get(self.found.type_name)
        if self.found.type_name == "FIXED":
            kind = "decimal" if self.found.scale else "integer"
        return Column(name=self.name, kind=kind, source_type=self.found.type_name.lower())

    @property
    def cast(self) -> str:
        """The column's value as Parquet keeps it exactly, under the record's name."""
        value = exactly(self.found.name)
        if self.as_column.kind == "integer":
            value = f"CAST({value} AS BIGINT)"
        elif self.found.type_name in _INSTANTS:
            value = f"CAST(CONVERT_TIMEZONE('UTC', {value}) AS TIMESTAMP_NTZ)"
        return f"{value} AS {exactly(self.name)}"


def set_session(question: Question, tag: str) -> str:
    """Return the statement that sets what the others depend on; ``tag`` names what is run."""
    zone = spelt(question.partition.timezone)
    return queries(_SQL)["set_session"].format(timezone=zone, tag=spelt(tag))


def now() -> str:
    """Return the statement that asks Snowflake's clock, in UTC."""
    return queries(_SQL)["now"]


def describe(question: Question) -> str:
    """Return the statement whose columns are the query's."""
    return queries(_SQL)["describe"].format(query=query(question, SNOWFLAKE))


def named(found: Sequence[ResultColumn], pipeline: Pipeline) -> list[SnowflakeColumn]:
    """Name a query's columns as the pipeline does.

    Snowflake folds a name without quotes to upper case: it is the pipeline's in whatever case, and
    in lower case where the pipeline does not name it.

    Raises:
        SourceError: two would have one name.
    """
    wanted = {name.upper(): name for name in pipeline.settings.record.columns}
    columns = [
        SnowflakeColumn(found=each, name=wanted.get(each.name, _unfolded(each.name)))
        for each in found
    ]
    names = [each.name for each in columns]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"The query has the column {name} twice; name one otherwise")
    return columns


def instants(columns: Sequence[SnowflakeColumn]) -> tuple[str, ...]:
    """Return the columns that are unloaded as timestamps in UTC."""
    return tuple(each.name for each in columns if each.found.type_name in _INSTANTS)


def unload(
    question: Question, columns: Sequence[SnowflakeColumn], stage: ExternalStage, into: S3Uri
) -> str:
    """Return the one statement that unloads a query's rows, and tells of each file."""
    first = exactly(question.pipeline.settings.record.id[0])  # what is selected, under its name
    return queries(_SQL)["unload"].format(
        location=stage.location(into),
        columns=", ".join(each.cast for each in columns),
        slice=slice_number(question, first, SNOWFLAKE),
        query=query(question, SNOWFLAKE),
    )


def slice_of(name: str) -> int:
    """Read from the name of a file which slice it is of.

    Raises:
        SourceError: it does not say so.
    """
    match = _FOLDER.search(name)
    if match is None:
        raise SourceError(f"{name} is in no folder of a slice")
    return int(match[1])


def _unfolded(name: str) -> str:
    return name.lower() if name.isupper() else name
