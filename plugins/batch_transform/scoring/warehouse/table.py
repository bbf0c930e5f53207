"""The target table: made on first use, held to the declared columns afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.warehouse.declared import TableColumn, check, lacking
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.statements import (
    Parts,
    Statements,
    identifier,
    listed,
    parts_of,
)

_NEW_IN_LEDGER = {"snapshot_at": "timestamptz"}  # since the first version, with their types


def prepare(statements: Statements, load: Load) -> bool:
    """Make what is missing, and hold the table to the declared columns.

    Returns:
        Whether there is a table: not where nothing is known of its ids yet.

    Raises:
        TargetMismatch: the table's columns are not those declared.
    """
    parts = parts_of(load)
    with statements.connection.transaction():
        if list(_missing(statements, load, parts)):
            # Two first loads at once would both create them: IF NOT EXISTS alone does not prevent
            # the second from failing on the catalogue's own unique index.
            statements.run("lock", {"name": parts["ledger_name"]})
            for name, more in list(_missing(statements, load, parts)):
                statements.run(name, {**parts, **more})
        columns = find_columns(statements, parts["name"])
        _hold(statements, load, columns)
        statements.commit_follows()
    return bool(columns)


def _missing(
    statements: Statements, load: Load, parts: Parts
) -> Iterator[tuple[str, dict[str, sql.Composable]]]:
    """Name the statements that make what is not there: a role may create no more than it must."""
    names = {column.name for column in find_columns(statements, parts["ledger_name"])}
    if not names:
        yield "create_ledger", {}
    for name, kind in _NEW_IN_LEDGER.items():
        if names and name not in names:
            column = sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            yield "add_column", {"table": parts["ledger"], "column": column}
    if not statements.one("has_table", {"name": parts["quarantine_name"]}):
        yield "create_quarantine", {}
    if load.typed and not statements.one("has_table", parts):
        by_day = load.target.swap == "partitions"
        yield "create_partitioned_target" if by_day else "create_target", _definition(load)


def find_columns(statements: Statements, name: sql.Composable) -> list[TableColumn]:
    """Return the columns of a table; none where there is no such table."""
    return [
        TableColumn(name=name, type=kind, not_null=not_null, filled=filled)
        for name, kind, not_null, filled in statements.run("find_columns", {"name": name})
    ]


def _definition(load: Load) -> dict[str, sql.Composable]:
    day = sql.SQL("{} date NOT NULL").format(sql.Identifier(load.target.partition_column))
    ids = [load.target.partition_column, *(column.name for column in load.columns[: load.ids])]
    defined = [
        _with_type(column) + sql.SQL("" if column.nullable else " NOT NULL")
        for column in load.columns
    ]
    return {
        "columns": sql.SQL(", ").join([day, *defined]),
        "key": listed(ids),
    }


def _with_type(column: StagedColumn) -> sql.Composed:
    kind = sql.SQL(TYPES[column.type].postgres[0])
    return sql.SQL("{} {}").format(sql.Identifier(column.name), kind)


def _hold(statements: Statements, load: Load, actual: Sequence[TableColumn]) -> None:
    if load.target.add_columns:
        for column in lacking(load, actual):
            added = {"table": identifier(load.target.table), "column": _with_type(column)}
            statements.run("add_column", added)
    check(load, actual)
