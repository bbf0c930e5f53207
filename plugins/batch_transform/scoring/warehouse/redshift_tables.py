"""The tables of Redshift: the target and those beside it, found in the catalogue or to be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from batch_transform.scoring.aws.redshift_text import quoted, spelt
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.warehouse import declared
from batch_transform.scoring.warehouse.declared import TableColumn
from batch_transform.scoring.warehouse.ledger import ledger_of, quarantine_of, turn_of
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.redshift_statements import Named, Parts, named, parts_of_load

Ask = Callable[[str, Parts], list[tuple[Any, ...]]]
Found = Mapping[str, Sequence[TableColumn]]  # the columns of each table that is there
_BESIDE = {"create_ledger": ledger_of, "create_quarantine": quarantine_of, "create_turn": turn_of}


def find(ask: Ask, target: Target, names: Sequence[str] = ()) -> Found:
    """Find a target and the tables beside it.

    Args:
        ask: runs a statement.
        target: the target.
        names: of columns, in the case in which pipeline.yaml has them; Redshift may fold it.
    """
    tables = [target.table, *(of(target.table) for of in _BESIDE.values())]
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
    table, parts = load.target.table, parts_of_load(load)
    for name, of in _BESIDE.items():
        if of(table) not in found:
            yield named(name, parts)
    if table not in found:
        if load.typed:
            yield named("create_target", {**parts, "definition": _definition(load)})
        return
    declared.check(load, found[table])
    for column in declared.lacking(load, found[table]):
        yield named("add_column", {**parts, "column": _with_type(column)})


def _own_name(table: str) -> str:
    return table.rpartition(".")[2].lower()


def _definition(load: Load) -> str:
    day = f"{quoted(load.target.partition_column)} date NOT NULL"
    defined = [
        _with_type(column) + ("" if column.nullable else " NOT NULL") for column in load.columns
    ]
    return ", ".join([day, *defined])


def _with_type(column: StagedColumn) -> str:
    return f"{quoted(column.name)} {TYPES[column.type].redshift}"
