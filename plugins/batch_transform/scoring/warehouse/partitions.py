"""A table in Postgres that is partitioned by date: a filled table is attached in place of the old.

Rows are copied into a table that no reader sees, and nothing is deleted row by row: the swap itself
takes milliseconds, however large the partition. It does wait for the queries that are reading the
table, and those that follow wait for it. A REPEATABLE READ transaction that began before the swap
and first reads the table after it sees the partition empty, which PostgreSQL documents.
https://www.postgresql.org/docs/18/ddl-partitioning.html
https://www.postgresql.org/docs/18/mvcc-caveats.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from psycopg import sql
from psycopg.errors import CheckViolation, InvalidObjectDefinition, LockNotAvailable

from batch_transform.scoring.errors import OutputError, TargetLocked, TargetMismatch
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.warehouse.blocks import blocks
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.statements import Parts, Statements, identifier, parts_of

_LONGEST_NAME = 63  # bytes of a PostgreSQL identifier


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a swap may keep readers waiting, and how often it is tried.

    Attributes:
        wait: milliseconds that one try waits for the table, and readers behind it.
        tries: how many there are.
        pause: seconds between them, in which readers go on.
        sleep: waits so many seconds.
    """

    wait: int = 2_000
    tries: int = 12
    pause: float = 8
    sleep: Callable[[float], None] = time.sleep


def swap_partitions(
    statements: Statements,
    load: Load,
    staged: Staged,
    write_entry: Callable[[], None],
    patience: Patience,
) -> None:
    """Fill a table beside the target, and attach it in place of the partition's.

    What a crashed load left behind has the same name, and is dropped first.

    Raises:
        TargetMismatch: the table is not partitioned by its date, or not by day.
        TargetLocked: the table was in use at every try.
    """
    bound, old = _find_bound(statements, load)
    parts = {
        **parts_of(load),
        "part": identifier(part_name(load, "_next")),
        "final": sql.Identifier(part_name(load, "").rpartition(".")[2]),
        "bound": bound,
        "check_name": sql.Identifier("batch_transform_partition"),
        "milliseconds": sql.Literal(patience.wait),
    }
    _fill(statements, load, staged, parts)
    for left in reversed(range(patience.tries)):
        try:
            with statements.connection.transaction():
                write_entry()
                _swap(statements, load, parts, old)
            return
        except LockNotAvailable as error:
            if not left:
                raise _locked(statements, load, patience) from error
            patience.sleep(patience.pause)


def _swap(statements: Statements, load: Load, parts: Parts, old: sql.Identifier | None) -> None:
    statements.run("limit_wait", parts)
    if old:
        statements.run("detach_part", {**parts, "old": old})
        statements.run("drop_part", {"part": old})
    _attach(statements, load, parts)
    statements.run("rename_part", parts)
    statements.commit_follows()


def _locked(statements: Statements, load: Load, patience: Patience) -> TargetLocked:
    with statements.connection.transaction():
        holders = statements.run("find_holders", parts_of(load))
    listed = "".join(f"\n  {holder}" for (holder,) in holders)
    return TargetLocked(
        f"{load.target.table} was in use at each of {patience.tries} tries to swap partition"
        f" {load.partition} in, and readers are not kept waiting for more than"
        f" {patience.wait / 1000:g} s; nothing was changed. Now it is used by"
        f" {listed or 'nobody any more'}"
    )


def _attach(statements: Statements, load: Load, parts: Parts) -> None:
    try:
        statements.run("attach_part", parts)
    except (InvalidObjectDefinition, CheckViolation) as error:
        raise TargetMismatch(
            f"{load.target.table} keeps {load.partition} in a table with other days, such as that"
            f" of a month or a DEFAULT one: {error.diag.message_primary}; set target.swap: rows, or"
            " give each day a table of its own"
        ) from error


def part_name(load: Load, suffix: str) -> str:
    """Name the table of a partition, ``<target>_20130601``, cut where that is too long."""
    schema, dot, table = load.target.table.rpartition(".")
    end = f"_{load.partition:%Y%m%d}{suffix}"
    return f"{schema}{dot}{table[: _LONGEST_NAME - len(end)]}{end}"


def _fill(statements: Statements, load: Load, staged: Staged, parts: Parts) -> None:
    with statements.connection.transaction():
        statements.run("drop_part", parts)
        statements.run("create_part", parts)
        into_part = {**parts, "table": parts["part"]}
        statements.copy("copy", into_part, blocks(staged, load.partition))
        count = statements.one("count_partition", into_part)
        if count != load.entry.rows:
            raise OutputError(
                f"The new table of partition {load.partition} holds {count} rows, but"
                f" {load.entry.rows} were loaded; the target was not touched"
            )
        statements.commit_follows()


def _find_bound(statements: Statements, load: Load) -> tuple[sql.Composable, sql.Identifier | None]:
    """Return the bound of the partition's table, and the table that has it."""
    parts, column = parts_of(load), load.target.partition_column
    with statements.connection.transaction():
        keys = statements.run("find_partition_key", parts)
        if len(keys) != 1 or keys[0] not in {("l", column), ("r", column)}:
            raise TargetMismatch(
                f"{load.target.table} is not partitioned by {load.target.partition_column} alone;"
                " set target.swap: rows, or partition the table by LIST or RANGE of that column"
            )
        days = load.partition, load.partition + timedelta(days=1)
        first, after = (sql.Literal(day.isoformat()) for day in days)
        bound = (
            sql.SQL("FOR VALUES IN ({})").format(first)
            if keys[0][0] == "l"
            else sql.SQL("FOR VALUES FROM ({}) TO ({})").format(first, after)
        )
        text = sql.Literal(bound.as_string(statements.connection))
        names = statements.run("find_part", {**parts, "bound": text})
    return bound, sql.Identifier(*names[0]) if names else None
