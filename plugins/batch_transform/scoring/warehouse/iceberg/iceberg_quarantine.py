"""The table of what is in no row of an Iceberg table, which follows the target as the ledger does.

Each row says of which load it is, by the digest that the ledger has.
"""

from __future__ import annotations

from collections.abc import Callable

from pyiceberg.catalog import Catalog
from pyiceberg.expressions import AlwaysFalse

from batch_transform.scoring.warehouse.iceberg.conditions import equals
from batch_transform.scoring.warehouse.iceberg.iceberg_tables import made, numbered, opened
from batch_transform.scoring.warehouse.iceberg.patience import Patience
from batch_transform.scoring.warehouse.ledger import quarantine_of
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.quarantined_rows import quarantined_row

_TYPES = {"partition": "date", "line": "long"}  # of the columns that are no texts
_TEXTS = ("target", "pipeline", "id", "shard", "status", "reason", "attempt", "digest")
_COLUMNS = tuple(numbered((name, _TYPES.get(name, "string"), True) for name in (*_TYPES, *_TEXTS)))


class IcebergQuarantine:
    """The quarantine of a catalog's targets of one namespace."""

    def __init__(self, catalog: Catalog, patience: Patience) -> None:
        """Write to a catalog."""
        self._catalog = catalog
        self._patience = patience

    def follow(self, load: Load, is_in_force: Callable[[], bool]) -> None:
        """Put a load's records in place of the partition's, unless another load came meanwhile.

        ``is_in_force`` is asked after the look at the quarantine on which it is committed.
        """
        name = quarantine_of(load.target.table)
        self._patience.committed(name, lambda: self._follow_once(name, load, is_in_force))

    def _follow_once(self, name: str, load: Load, is_in_force: Callable[[], bool]) -> None:
        import pyarrow as pa

        there = opened(self._catalog, name)
        if there is None and not load.quarantined:
            return
        table = there or made(self._catalog, name, _COLUMNS, "partition")
        of_partition = equals(target=load.target.table, partition=load.partition)
        order = [field.name for field in table.schema().fields]
        held = table.scan(of_partition).to_arrow().to_pylist()
        digest = {"digest": load.entry.digest}
        rows = [{**quarantined_row(load, each), **digest} for each in load.quarantined]
        if _ordered(held, order) == _ordered(rows, order) or not is_in_force():
            return
        content = pa.Table.from_pylist(rows, schema=table.schema().as_arrow())
        table.overwrite(content, of_partition if held else AlwaysFalse())


def _ordered(rows: list[dict[str, object]], names: list[str]) -> list[list[str]]:
    return sorted([repr(row[name]) for name in names] for row in rows)
