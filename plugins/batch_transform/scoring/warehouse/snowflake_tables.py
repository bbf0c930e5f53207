"""The tables of Snowflake: the target and those beside it, found in the catalogue or to be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.snowflake.snowflake_text import quoted, spelt
from batch_transform.scoring.warehouse import declared
from batch_transform.scoring.warehouse.declared import BESIDE, Found, TableColumn
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.snowflake_statements import (
    Parts,
    SnowflakeStatements,
    parts_of_load,
    with_type,
)

# As the catalogue has them, and as other warehouses and pipeline.yaml call them.
_TYPES: Mapping[str, str] = {
    "NUMBER": "bigint",
    "FLOAT": "double precision",
    "TEXT": "text",
    "BOOLEAN": "boolean",
    "DATE": "date",
}


def find(statements: SnowflakeStatements, target: Target, names: Sequence[str] = ()) -> Found:
    """Find a target and the tables beside it in the session's schema.

    Args:
        statements: of the session.
        target: the target.
        names: of columns, in the case in which pipeline.yaml has them; Snowflake folds it.
    """
    tables = {_own_name(of(target.table)): of(target.table) for of in BESIDE.values()}
    tables[_own_name(target.table)] = target.table
    known = {name.upper(): name for name in (target.partition_column, *names)}
    found: dict[str, list[TableColumn]] = {}
    for table, column, kind, scale, nullable, default in statements.run(
        "find_columns", {"names": ", ".join(map(spelt, tables))}
    ):
        found.setdefault(tables[table], []).append(
            TableColumn(
                name=known.get(column, str(column)),
                type=f"number with {scale} digits" if scale else _TYPES.get(kind, kind.lower()),
                not_null=nullable == "NO",
                filled=default is not None,
            )
        )
    return found


def missing(load: Load, found: Found) -> Iterator[tuple[str, Parts]]:
    """Yield the statements that make what is not there, each by its name and parts.

    Raises:
        TargetMismatch: the target's columns are not those declared.
    """
    parts, day = parts_of_load(load), f"{quoted(load.target.partition_column)} date"
    for name, more in declared.missing(load, found, day, with_type):
        yield name, {**parts, **more}


def _own_name(table: str) -> str:
    return table.rpartition(".")[2].upper()
