"""The tables of Redshift: the target and those beside it, found in the catalogue or to be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from batch_transform.scoring.aws.redshift_text import quoted, spelt
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.warehouse import declared
from batch_transform.scoring.warehouse.declared import BESIDE, Found, TableColumn
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.redshift_statements import Named, Parts, named, parts_of_load

Ask = Callable[[str, Parts], list[tuple[Any, ...]]]


def find(ask: Ask, target: Target, names: Sequence[str] = ()) -> Found:
    """Find a target and the tables beside it.

    Args:
        ask: runs a statement.
        target: the target.
        names: of columns, in the case in which pipeline.yaml has them; Redshift may fold it.
    """
    tables = [target.table, *(of(target.table) for of in BESIDE.values())]
    schema = target.table.rpartition(".")[0]
    known: dict[str, str] = {name.lower(): name for name in (target.partition_column, *names)}
    found: dict[str, list[TableColumn]] = {}
    for table, column, kind, nullable, default in ask(
        "find_columns",
        {
            "schema": spelt(schema.lower()) if schema else "current_schema()",
            "names": ", ".join(spelt(_own_name(table)) for table in tables),
        },
    ):
        found.setdefault(table, []).append(
            TableColumn(
                name=known.get(column.lower(), str(column)),
                type=kind,
                not_null=nullable == "NO",
                filled=default is not None,
            )
        )
    return {table: found[_own_name(table)] for table in tables if _own_name(table) in found}


def missing(load: Load, found: Found) -> Iterator[Named]:
    """Yield the statements that make what is not there.

    Raises:
        TargetMismatch: the target's columns are not those declared.
    """
    parts, day = parts_of_load(load), f"{quoted(load.target.partition_column)} date"
    for name, more in declared.missing(load, found, day, _with_type):
        yield named(name, {**parts, **more})


def _own_name(table: str) -> str:
    return table.rpartition(".")[2].lower()


def _with_type(column: StagedColumn) -> str:
    return f"{quoted(column.name)} {TYPES[column.type].redshift}"
