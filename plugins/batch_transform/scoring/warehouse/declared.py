"""A target as it is: held to what pipeline.yaml declares, or made where it is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from batch_transform.scoring.errors import TargetMismatch
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.warehouse.ledger import ledger_of, quarantine_of, turn_of
from batch_transform.scoring.warehouse.protocol import Load


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column of the table as it is.

    Attributes:
        name: its name.
        type: as the catalogue spells it.
        not_null: whether it may not be NULL.
        filled: whether it fills itself where a row does not give it.
    """

    name: str
    type: str
    not_null: bool
    filled: bool


Found = Mapping[str, Sequence[TableColumn]]  # the columns of each table that is there
Spell = Callable[[StagedColumn], str]  # a column's name and type
BESIDE = {"create_ledger": ledger_of, "create_quarantine": quarantine_of, "create_turn": turn_of}


def lacking(load: Load, actual: Sequence[TableColumn]) -> list[StagedColumn]:
    """Return the predictions that a table has no column for; none where there is no table."""
    names = {column.name for column in actual}
    return [column for column in load.columns[load.ids :] if actual and column.name not in names]


def check(load: Load, actual: Sequence[TableColumn]) -> None:
    """Hold a table to the declared columns, but for those that are to be added.

    Raises:
        TargetMismatch: they are not those declared.
    """
    if not actual:
        return
    missing = [] if load.target.add_columns else lacking(load, actual)
    problems = [
        *(f"{column.name} is missing; target.add_columns: true would add it" for column in missing),
        *_differences(load, actual),
    ]
    if problems:
        listed = "\n  ".join(problems)
        raise TargetMismatch(
            f"The columns of {load.target.table} are not those of pipeline.yaml; alter the table,"
            f" or name another in target.table:\n  {listed}"
        )


def missing(
    load: Load, found: Found, day: str, spell: Spell
) -> Iterator[tuple[str, dict[str, str]]]:
    """Name the statements that make what is not there, each with the parts that only it needs.

    Args:
        load: what is to be loaded.
        found: what is there.
        day: name and type of the partition's column.
        spell: spells name and type of another.

    Raises:
        TargetMismatch: the target's columns are not those declared.
    """
    table = load.target.table
    for name, of in BESIDE.items():
        if of(table) not in found:
            yield name, {}
    if table not in found:
        if load.typed:
            yield "create_target", {"definition": _definition(load, day, spell)}
        return
    check(load, found[table])
    for column in lacking(load, found[table]):
        yield "add_column", {"column": spell(column)}


def _differences(load: Load, columns: Iterable[TableColumn]) -> Iterator[str]:
    ids = [column.name for column in load.columns[: load.ids]]
    declared = {column.name: column for column in load.columns}
    actual = {column.name: column for column in columns}
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


def _other_type(column: TableColumn, types: Sequence[str]) -> Iterator[str]:
    if column.type.partition("(")[0] not in types:
        yield f"{column.name} is {column.type}, but declared {types[0]}"


def _definition(load: Load, day: str, spell: Spell) -> str:
    defined = [spell(column) + ("" if column.nullable else " NOT NULL") for column in load.columns]
    return ", ".join([f"{day} NOT NULL", *defined])
