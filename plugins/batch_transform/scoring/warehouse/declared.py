"""The columns of a target as it is, held to those that pipeline.yaml declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from batch_transform.scoring.errors import TargetMismatch
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline.prediction_types import TYPES
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
