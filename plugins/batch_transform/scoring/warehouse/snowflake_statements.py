"""The statements by which a partition is replaced in Snowflake, each run by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from batch_transform.scoring.names import S3Uri, content_digest
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.queries import queries
from batch_transform.scoring.snowflake.snowflake_session import Session
from batch_transform.scoring.snowflake.snowflake_stage import ExternalStage
from batch_transform.scoring.snowflake.snowflake_text import (
    exactly,
    identifier,
    listed,
    quoted,
    spelt,
)
from batch_transform.scoring.warehouse.ledger import COLUMNS, ledger_of, quarantine_of, turn_of
from batch_transform.scoring.warehouse.protocol import Load

Parts = Mapping[str, str]
ROWS, KEPT_OUT = "batch_transform_rows", "batch_transform_kept_out"  # temporary tables
# Of the table of quarantined records, and of the temporary one that is filled for it.
QUARANTINE_COLUMNS = ", ".join(
    f"{quoted(name)} {kind} NOT NULL"
    for name, kind in {
        "target": "varchar",
        "pipeline": "varchar",
        "partition": "date",
        "id": "varchar",
        "shard": "varchar",
        "line": "number(38, 0)",
        "status": "varchar",
        "reason": "varchar",
        "attempt": "varchar",
    }.items()
)
_SQL = Path(__file__).parent / "snowflake.sql"
_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)
_MOST_FILES = 1000  # that one COPY may name
_NAME_LENGTH = 32


class SnowflakeStatements:
    """Runs statements in one session, and says the name of each before it runs."""

    def __init__(self, session: Session, step: Callable[[str], None]) -> None:
        """Run in a session; ``step`` is for tests that interrupt a load anywhere."""
        self._session = session
        self._step = step

    def run(self, name: str, parts: Parts) -> list[tuple[Any, ...]]:
        """Run a statement of ``snowflake.sql`` and return its rows."""
        self._step(name)
        return self._session.run(text_of(name, parts))

    def one(self, name: str, parts: Parts) -> Any:
        """Return the only value of a statement that always gives one."""
        ((value,),) = self.run(name, parts)
        return value


def text_of(name: str, parts: Parts) -> str:
    """Return a statement of ``snowflake.sql`` with its parts."""
    return _COMMENT.sub("", queries(_SQL)[name]).format(**parts)


def parts_of_target(target: Target, partition: date) -> dict[str, str]:
    """Spell what statements about a partition need."""
    return {
        "schema": quoted(target.table.rpartition(".")[0]),
        "table": identifier(target.table),
        "ledger": identifier(ledger_of(target.table)),
        "quarantine": identifier(quarantine_of(target.table)),
        "turn": identifier(turn_of(target.table)),
        "partition_column": quoted(target.partition_column),
        "partition": spelt(partition),
        "target": spelt(target.table),
        "entry_columns": listed(COLUMNS),
        "quarantine_columns": QUARANTINE_COLUMNS,
    }


def parts_of_load(load: Load) -> dict[str, str]:
    """Spell what statements about a load need."""
    values = [getattr(load.entry, name) for name in COLUMNS]
    return {
        **parts_of_target(load.target, load.partition),
        "stage": quoted(ROWS),
        "stage_columns": ", ".join(map(with_type, load.columns)),
        "columns": listed(column.name for column in load.columns),
        "ids": listed(column.name for column in load.columns[: load.ids]),
        "values": ", ".join(map(spelt, values)),
        "digest": spelt(load.entry.digest),
        "snapshot_at": spelt(load.entry.snapshot_at),
        "name": transaction_name(load),
    }


def parts_of_quarantine(load: Load) -> dict[str, str]:
    """Spell what statements about the quarantined records of a load need."""
    kept_out = {"stage": quoted(KEPT_OUT), "stage_columns": QUARANTINE_COLUMNS}
    return {**parts_of_load(load), **kept_out}


def copies(stage: ExternalStage, files: Sequence[RowFile]) -> Iterator[dict[str, str]]:
    """Spell which files are copied, by as few statements as may name them."""
    for start in range(0, len(files), _MOST_FILES):
        some = files[start : start + _MOST_FILES]
        paths = (spelt(stage.path(S3Uri.parse(file.uri))) for file in some)
        yield {"place": stage.name, "files": ", ".join(paths)}


def unloaded_values(columns: Iterable[StagedColumn]) -> str:
    """Spell columns as they are unloaded: under the names of pipeline.yaml, integers of 64 bits."""
    return ", ".join(f"{_exact(column)} AS {exactly(column.name)}" for column in columns)


def transaction_name(load: Load) -> str:
    """Name a load's transaction: the same for each try at it, and for no other load."""
    entry = load.entry
    content = [entry.pipeline, load.target.table, load.partition.isoformat(), entry.digest]
    return f"BATCH_TRANSFORM_{content_digest(content)[:_NAME_LENGTH].upper()}"


def texts(values: Sequence[Any]) -> list[Any]:
    """Return the values of a ledger's row as a ledger reads them."""
    return [_text(value) for value in values]


def with_type(column: StagedColumn) -> str:
    """Spell a column's name and type."""
    return f"{quoted(column.name)} {TYPES[column.type].snowflake}"


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _exact(column: StagedColumn) -> str:
    name = quoted(column.name)
    return f"CAST({name} AS BIGINT)" if column.type == "bigint" else name
