"""The target in an Iceberg catalog: made on first use, held to the declared columns afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.types import NestedField

from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.warehouse import declared
from batch_transform.scoring.warehouse.declared import TableColumn
from batch_transform.scoring.warehouse.iceberg.iceberg_tables import made, opened, partition_field
from batch_transform.scoring.warehouse.protocol import Load

_DECLARED = {kind.iceberg: kind.postgres[0] for kind in TYPES.values()}  # as messages name them


def prepared(catalog: Catalog, load: Load) -> Table | None:
    """Make the target where it is missing, and hold it to the declared columns.

    Returns:
        The table; None where nothing is known of its ids yet.

    Raises:
        TargetMismatch: its columns, or its partitions, are not those declared.
    """
    target = load.target
    if not load.typed and opened(catalog, target.table) is None:
        return None
    table = made(catalog, target.table, list(_fields(load)), target.partition_column)
    actual = list(_columns(table))
    declared.check(load, actual)
    lacking = declared.lacking(load, actual)
    if lacking:
        with table.update_schema() as update:
            for column in lacking:
                update.add_column(column.name, _field(0, column).field_type)
        return prepared(catalog, load)
    partition_field(table, target.partition_column)
    return table


def _fields(load: Load) -> Iterator[NestedField]:
    yield NestedField(1, load.target.partition_column, "date", required=True)
    for number, column in enumerate(load.columns, start=2):
        yield _field(number, column)


def _field(number: int, column: StagedColumn) -> NestedField:
    kind = TYPES[column.type].iceberg
    return NestedField(number, column.name, kind, required=not column.nullable)


def _columns(table: Table) -> Iterator[TableColumn]:
    for field in table.schema().fields:
        kind = str(field.field_type)
        yield TableColumn(
            name=field.name,
            type=_DECLARED.get(kind, kind),
            not_null=field.required,
            filled=field.write_default is not None,
        )
