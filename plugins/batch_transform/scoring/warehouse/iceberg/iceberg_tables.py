"""The tables of a catalog, found as they are, or made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table, TableProperties
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import NestedField

from batch_transform.scoring.errors import TargetMismatch

_FIRST_PARTITION_FIELD = 1000  # https://iceberg.apache.org/spec/#partition-evolution


def opened(catalog: Catalog, name: str) -> Table | None:
    """Return a table as it is now, whose commits are tried once; None where there is none.

    pyiceberg would commit again on top of what others have, without a look at their ledger.
    """
    try:
        table = catalog.load_table(name)
    except NoSuchTableError:
        return None
    once = {**table.metadata.properties, TableProperties.COMMIT_NUM_RETRIES: "0"}
    table.metadata = table.metadata.model_copy(update={"properties": once})
    return table


def made(catalog: Catalog, name: str, fields: Sequence[NestedField], day: str) -> Table:
    """Return a table that is partitioned by one of its columns, made where it is not there.

    Args:
        catalog: the catalog, in which the namespace is there.
        name: of the table, with its namespace.
        fields: its columns, with ids from 1.
        day: name of the column with a partition's date.
    """
    table = opened(catalog, name)
    if table is None:
        schema = Schema(*fields)
        source = schema.find_field(day).field_id
        by_day = PartitionField(source, _FIRST_PARTITION_FIELD, IdentityTransform(), day)
        # Many commits of a few rows each: their manifests are put together now and then.
        properties = {TableProperties.MANIFEST_MERGE_ENABLED: "true"}
        catalog.create_table_if_not_exists(
            name, schema, partition_spec=PartitionSpec(by_day), properties=properties
        )
        table = opened(catalog, name)
    if table is None:
        raise NoSuchTableError(f"{name} is gone as soon as it was made")
    return table


def partition_field(table: Table, day: str) -> PartitionField:
    """Return the field by which a table is partitioned.

    Raises:
        TargetMismatch: it is not partitioned by its date alone.
    """
    fields, source = table.spec().fields, table.schema().find_field(day).field_id
    if [(each.source_id, each.transform) for each in fields] != [(source, IdentityTransform())]:
        raise TargetMismatch(
            f"{'.'.join(table.name())} is not partitioned by {day} alone, as it is, but by"
            f" {table.spec()}; partition it so, or name another in target.table"
        )
    return fields[0]


def numbered(columns: Iterable[tuple[str, str, bool]]) -> Iterator[NestedField]:
    """Return columns, given as name, type and whether they are required, with ids from 1."""
    for number, (name, kind, required) in enumerate(columns, start=1):
        yield NestedField(number, name, kind, required=required)
