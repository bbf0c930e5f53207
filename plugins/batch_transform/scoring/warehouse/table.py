"""The target table: made on first use, held to the declared columns afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from batch_transform.scoring.errors import TargetMismatch
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.statements import (
    Parts,
    Statements,
    identifier,
    listed,
    regclass,
)

_LEDGER = "batch_transform_ledger"
_QUARANTINE = "batch_transform_quarantine"


@dataclass(frozen=True, kw_only=True)
class FoundColumn:
    """A column of the table as it is.

    Attributes:
        name: its name.
        type: as PostgreSQL spells it.
        not_null: whether it may not be NULL.
        filled: whether it fills itself where a row does not give it.
    """

    name: str
    type: str
    not_null: bool
    filled: bool


def parts_of(load: Load) -> dict[str, sql.Composable]:
    """Quote what the statements about a load need."""
    target = load.target
    names = [target.partition_column, *(column.name for column in load.columns)]
    return {
        **ledger_parts(target, load.partition),
        "table": identifier(target.table),
        "name": regclass(target.table),
        "columns": listed(names),
        "partition_column": sql.Identifier(target.partition_column),
        "pipeline": sql.Literal(load.entry.pipeline),
    }


def ledger_parts(target: Target, partition: date) -> dict[str, sql.Composable]:
    """Quote what the statements about a partition's ledger need."""
    ledger = beside(target.table, _LEDGER)
    return {
        "target": sql.Literal(target.table),
        "partition": sql.SQL("{}::date").format(sql.Literal(partition.isoformat())),
        "ledger": identifier(ledger),
        "ledger_name": regclass(ledger),
        "quarantine": identifier(beside(target.table, _QUARANTINE)),
    }


def beside(table: str, name: str) -> str:
    """Name a table in the schema of another."""
    schema, dot, _ = table.rpartition(".")
    return f"{schema}{dot}{name}"


def prepare(statements: Statements, load: Load) -> bool:
    """Make what is missing, and hold the table to the declared columns.

    Returns:
        Whether there is a table: not where nothing is known of its ids yet.

    Raises:
        TargetMismatch: the table's columns are not those declared.
    """
    parts = parts_of(load)
    with statements.connection.transaction():
        # Two first loads at once would both create them: IF NOT EXISTS alone does not prevent
        # the second from failing on the catalogue's own unique index.
        statements.run("lock", {"name": parts["ledger_name"]})
        statements.run("create_ledger", parts)
        statements.run("create_quarantine", parts)
        found = _find(statements, parts)
        if not found and load.typed:
            create = "create_target" if load.target.swap == "rows" else "create_partitioned_target"
            statements.run(create, {**parts, **_definition(load)})
            found = _find(statements, parts)
        _hold(statements, load, found)
        statements.commit_follows()
    return bool(found)


def _find(statements: Statements, parts: Parts) -> list[FoundColumn]:
    return [
        FoundColumn(name=name, type=kind, not_null=not_null, filled=filled)
        for name, kind, not_null, filled in statements.run("find_columns", parts)
    ]


def _definition(load: Load) -> dict[str, sql.Composable]:
    day = sql.SQL("{} date NOT NULL").format(sql.Identifier(load.target.partition_column))
    ids = [load.target.partition_column, *(column.name for column in load.columns[: load.ids])]
    return {
        "columns": sql.SQL(", ").join([day, *(_defined(column) for column in load.columns)]),
        "key": listed(ids),
    }


def _defined(column: StagedColumn) -> sql.Composed:
    return _with_type(column) + sql.SQL("" if column.nullable else " NOT NULL")


def _with_type(column: StagedColumn) -> sql.Composed:
    kind = sql.SQL(TYPES[column.type].postgres[0])
    return sql.SQL("{} {}").format(sql.Identifier(column.name), kind)


def _hold(statements: Statements, load: Load, found: Sequence[FoundColumn]) -> None:
    if not found:
        return
    names = {column.name for column in found}
    lacking = [column for column in load.columns[load.ids :] if column.name not in names]
    if load.target.add_columns:
        for column in lacking:
            added = {"table": identifier(load.target.table), "column": _with_type(column)}
            statements.run("add_column", added)
        lacking = []
    problems = [
        *(f"{column.name} is missing; target.add_columns: true would add it" for column in lacking),
        *_differences(load, found),
    ]
    if problems:
        listed_ = "\n  ".join(problems)
        raise TargetMismatch(
            f"The columns of {load.target.table} are not those of pipeline.yaml; alter the table,"
            f" or name another in target.table:\n  {listed_}"
        )


def _differences(load: Load, found: Iterable[FoundColumn]) -> Iterator[str]:
    ids = [column.name for column in load.columns[: load.ids]]
    declared = {column.name: column for column in load.columns}
    actual = {column.name: column for column in found}
    day = load.target.partition_column
    yield from (f"{name} is missing" for name in (day, *ids) if name not in actual)
    for name, column in actual.items():
        if name == day:
            yield from _other_type(column, ("date",))
        elif name not in declared:
            if column.not_null and not column.filled:
                yield f"{name} is not declared, yet may not be NULL"
        elif load.typed or name not in ids:
            yield from _other_type(column, TYPES[declared[name].type].postgres)
            if declared[name].nullable and column.not_null:
                yield f"{name} is NOT NULL, but declared nullable"


def _other_type(column: FoundColumn, types: Sequence[str]) -> Iterator[str]:
    if column.type.partition("(")[0] not in types:
        yield f"{column.name} is {column.type}, but declared {types[0]}"
