"""The statements by which a partition is replaced in Redshift: one transaction, in its order.

The first locks a table that is made for nothing else: whoever waits for it has no snapshot yet, and
readers of the target do not wait. A statement that divides by zero where a count is not what it
must be takes all others back.
https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
https://docs.aws.amazon.com/redshift/latest/dg/r_LOCK.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from batch_transform.scoring.aws.redshift_text import identifier, listed, quoted, spelt
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.queries import literal, queries
from batch_transform.scoring.warehouse.ledger import (
    COLUMNS,
    MOMENTS,
    ledger_of,
    quarantine_of,
    turn_of,
)
from batch_transform.scoring.warehouse.protocol import Load

STAGE = "batch_transform_rows"
_SQL = Path(__file__).parent / "redshift.sql"
_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)
_ZERO = re.compile("divi(de|sion) by zero", re.IGNORECASE)

# The columns of an entry as they are read: moments in UTC.
READ_COLUMNS = ", ".join(
    f"to_char({quoted(name)} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    if name in MOMENTS
    else quoted(name)
    for name in COLUMNS
)

Named = tuple[str, str]  # a statement after its name
Parts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What a load copies from S3.

    Attributes:
        rows: manifest of the rows; None where there is none.
        quarantine: manifest of the partition's quarantined records; None where there is none.
        count: how many rows there are.
        role: ARN of the role by which Redshift reads them, or ``default``.
    """

    rows: S3Uri | None = None
    quarantine: S3Uri | None = None
    count: int = 0
    role: str


def named(name: str, parts: Parts) -> Named:
    """Return a statement of ``redshift.sql`` with its parts, after its name."""
    return name, _COMMENT.sub("", queries(_SQL)[name]).format(**parts)


def is_unequal(words: str) -> bool:
    """Tell whether a check failed for what it checks."""
    return _ZERO.search(words) is not None


def parts_of_target(target: Target, partition: date) -> dict[str, str]:
    """Spell what statements about a partition need."""
    return {
        "table": identifier(target.table),
        "ledger": identifier(ledger_of(target.table)),
        "quarantine": identifier(quarantine_of(target.table)),
        "turn": identifier(turn_of(target.table)),
        "partition_column": quoted(target.partition_column),
        "partition": spelt(partition),
        "target": spelt(target.table),
    }


def parts_of_load(load: Load) -> dict[str, str]:
    """Spell what statements about a load need."""
    return {
        **parts_of_target(load.target, load.partition),
        "stage": quoted(STAGE),
        "columns": listed(column.name for column in load.columns),
        "ids": listed(column.name for column in load.columns[: load.ids]),
        "typed_columns": ", ".join(
            f"{quoted(column.name)} {TYPES[column.type].redshift}" for column in load.columns
        ),
    }


def swap(load: Load, number: int, copied: Copied, *, has_table: bool) -> list[Named]:
    """Return the statements of the transaction that puts a load in force.

    Args:
        load: what to load.
        number: of the entry in force, as it was read; 0 where there was none.
        copied: what to copy.
        has_table: whether there is a target.
    """
    parts = parts_of_load(load)
    rows = list(_rows(load, parts, copied)) if has_table else []
    return [*_turn(parts, number), *rows, *_quarantine(parts, copied), _entry(load, parts)]


def refresh(load: Load, number: int) -> list[Named]:
    """Return the statements that say of the load in force that a later extract proved it."""
    parts = parts_of_load(load)
    moment = {"snapshot_at": spelt(load.entry.snapshot_at), "number": str(number)}
    return [*_turn(parts, number), named("refresh_entry", {**parts, **moment})]


def compare(load: Load, copied: Copied) -> list[Named]:
    """Return the statements whose last one counts the rows that the partition does not hold."""
    parts = parts_of_load(load)
    filled = _filled(parts, copied) if copied.rows else [named("create_stage", parts)]
    return [*filled, named("count_altered", parts)]


def unload(load: Load, values: Sequence[str], into: S3Uri, role: str) -> Named:
    """Return the statement that unloads the rows of a partition."""
    parts = parts_of_load(load)
    query = named("select_partition", {**parts, "values": ", ".join(values)})[1]
    place = {"prefix": literal(f"{into}/"), "role": _role(role), "query": literal(query)}
    return named("unload_partition", place)


def _turn(parts: Parts, number: int) -> Iterator[Named]:
    yield named("lock_turn", parts)
    yield named("check_in_force", {**parts, "number": str(number)})


def _rows(load: Load, parts: Parts, copied: Copied) -> Iterator[Named]:
    if copied.rows is not None:
        count = {**parts, "count": str(copied.count)}
        yield from _filled(parts, copied)
        yield named("check_rows", count)
        yield named("check_ids", count)
    if not load.adds_to:
        yield named("delete_partition", parts)
    if copied.rows is not None:
        yield named("insert_rows", parts)
    yield named("check_partition", {**parts, "count": str(load.entry.rows)})


def _filled(parts: Parts, copied: Copied) -> list[Named]:
    place = {"manifest": literal(str(copied.rows)), "role": _role(copied.role)}
    return [named("create_stage", parts), named("copy_rows", {**parts, **place})]


def _quarantine(parts: Parts, copied: Copied) -> Iterator[Named]:
    yield named("delete_quarantine", parts)
    if copied.quarantine is not None:
        place = {"manifest": literal(str(copied.quarantine)), "role": _role(copied.role)}
        yield named("copy_quarantine", {**parts, **place})


def _entry(load: Load, parts: Parts) -> Named:
    values: list[Any] = [getattr(load.entry, name) for name in COLUMNS]
    entry = {"entry_columns": listed(COLUMNS), "values": ", ".join(map(spelt, values))}
    return named("write_entry", {**parts, **entry})


def _role(role: str) -> str:
    return role if role == "default" else literal(role)
