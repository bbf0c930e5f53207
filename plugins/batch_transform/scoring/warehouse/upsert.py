"""The staged rows beside the partition, in one transaction: compared with it, or merged into it."""

from __future__ import annotations

from psycopg import sql

from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.warehouse.blocks import blocks
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.statements import Parts, Statements, listed, parts_of

_STAGE = sql.Identifier("pg_temp", "batch_transform_stage")


def is_altered(statements: Statements, load: Load, staged: Staged) -> bool:
    """Tell whether any of the rows is not in the partition as it was staged."""
    parts = _filled(statements, load, staged)
    return bool(statements.one("count_altered", parts))


def merge(statements: Statements, load: Load, staged: Staged) -> None:
    """Delete ids that are gone, update those whose values changed, and insert new ones.

    Rows that stay as they are keep their place, and what refers to them.
    """
    parts = _filled(statements, load, staged)
    for name in ("delete_gone", "update_changed", "insert_new"):
        statements.run(name, parts)


def _filled(statements: Statements, load: Load, staged: Staged) -> Parts:
    """Copy the rows into a temporary table, and return the parts of statements about it."""
    ids = [column.name for column in load.columns[: load.ids]]
    values = [column.name for column in load.columns[load.ids :]]
    parts = {
        **parts_of(load),
        "stage": _STAGE,
        "same_id": sql.SQL(" AND ").join(
            sql.SQL("old.{name} = new.{name}").format(name=sql.Identifier(name)) for name in ids
        ),
        "values": listed(values),
        "old_values": sql.SQL(", ").join(sql.Identifier("old", name) for name in values),
        "new_values": sql.SQL(", ").join(sql.Identifier("new", name) for name in values),
    }
    statements.run("create_stage", parts)
    statements.copy("copy", {**parts, "table": _STAGE}, blocks(staged, load.partition))
    statements.run("analyze_stage", parts)
    return parts
