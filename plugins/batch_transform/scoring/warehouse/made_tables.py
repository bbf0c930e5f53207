"""What is made where it is not there: the target, its columns, and the tables beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.warehouse import declared
from batch_transform.scoring.warehouse.declared import TableColumn
from batch_transform.scoring.warehouse.ledger import ledger_of, quarantine_of, turn_of
from batch_transform.scoring.warehouse.protocol import Load

Found = Mapping[str, Sequence[TableColumn]]  # the columns of each table that is there
Spell = Callable[[StagedColumn], str]  # a column's name and type
BESIDE = {"create_ledger": ledger_of, "create_quarantine": quarantine_of, "create_turn": turn_of}


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
    declared.check(load, found[table])
    for column in declared.lacking(load, found[table]):
        yield "add_column", {"column": spell(column)}


def _definition(load: Load, day: str, spell: Spell) -> str:
    defined = [spell(column) + ("" if column.nullable else " NOT NULL") for column in load.columns]
    return ", ".join([f"{day} NOT NULL", *defined])
