"""The ledger of an Iceberg table, of which the newest entry is in the table's own metadata.

Iceberg commits one table at a time. So a load's entry is a property of the target, set in the very
commit that replaces the rows, and a row of the ledger's table soon after. Before a load commits, it
sees to it that the entry of the load before is in the ledger: there is never more than one to come.
https://iceberg.apache.org/spec/#table-metadata-fields
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table

from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse.iceberg.conditions import (
    equals,
    every,
    is_before,
    is_from,
)
from batch_transform.scoring.warehouse.iceberg.iceberg_tables import made, numbered, opened
from batch_transform.scoring.warehouse.iceberg.patience import Patience
from batch_transform.scoring.warehouse.ledger import Entry, ledger_of

PROPERTY = "batch-transform.ledger"  # one key: Glue keeps the keys that a table has no more
_TYPES = {  # of the entry's fields that are no texts
    "partition": "date",
    **dict.fromkeys(("loaded_at", "snapshot_at"), "timestamptz"),
    **dict.fromkeys(
        ("source_rows", "oversized", "records", "quarantined", "rows", "transform_jobs"), "long"
    ),
    "instance_count": "long",
    "transform_seconds": "double",
}
_MAY_BE_NULL = {"snapshot_at", "transform_seconds"}
_AS_JSON = {"profile", "findings"}
_COLUMNS = tuple(
    numbered(
        [
            ("number", "long", True),
            ("target", "string", True),
            *(
                (each.name, _TYPES.get(each.name, "string"), each.name not in _MAY_BE_NULL)
                for each in fields(Entry)
            ),
        ]
    )
)
_DAYS_A_LOOK = 4  # of every partition wanted: some days may lack


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """An entry, and which of its partition's it is, from 1; the last one is in force."""

    number: int
    entry: Entry

    def as_property(self) -> dict[str, str]:
        """Return the property of a table that says which load was committed last."""
        entry = json.loads(self.entry.to_json())
        return {PROPERTY: json.dumps({"number": self.number, "entry": entry})}


def last_of(table: Table) -> Numbered | None:
    """Return the entry of the load that was committed last; None where there was none."""
    text = table.properties.get(PROPERTY)
    if text is None:
        return None
    content = json.loads(text)
    entry = Entry.from_json(json.dumps(content["entry"]).encode())
    return Numbered(number=content["number"], entry=entry)


class IcebergLedger:
    """The ledger of one target; other targets of its namespace have theirs in the same table."""

    def __init__(self, catalog: Catalog, target: Target, patience: Patience) -> None:
        """Look into a catalog, and write to it."""
        self._catalog = catalog
        self._target = target
        self._name = ledger_of(target.table)
        self._patience = patience

    def in_force(self, table: Table | None, partition: date) -> Numbered | None:
        """Return the entry in force of a partition of the target, as the table is."""
        found = self._rows(equals(partition=partition))
        last = last_of(table) if table is not None else None
        if last is not None and last.entry.partition == partition:
            found.append(last)  # of equal numbers it is the later one
        return sorted(found, key=lambda each: each.number)[-1] if found else None

    def recent(self, table: Table | None, pipeline: str, before: date, count: int) -> list[Entry]:
        """Return the entries in force of a pipeline in the latest partitions before a day."""
        earlier = is_before("partition", before)
        floor = before - timedelta(days=_DAYS_A_LOOK * count)
        near = every(earlier, is_from("partition", floor))
        last = last_of(table) if table is not None else None
        mine: list[Entry] = []
        for condition in (near, earlier):
            found = self._rows(condition)
            if last is not None and last.entry.partition < before:
                found.append(last)
            mine = [each for each in _in_force(found) if each.pipeline == pipeline]
            if len(mine) >= count:
                break
        return mine[:count]

    def follow(self, table: Table) -> None:
        """See to it that the entry of the load that was committed last is a row."""
        last = last_of(table)
        if last is not None:
            self.put(last)

    def put(self, numbered: Numbered) -> None:
        """Put an entry where it is not, in place of another with its number."""
        self._patience.committed(self._name, lambda: self._put(numbered))

    def add(self, numbered: Numbered) -> None:
        """Add an entry of a target that is not there.

        Raises:
            CommitFailedException: another was added meanwhile.
        """
        table = made(self._catalog, self._name, _COLUMNS, "partition")
        if self._rows(_same(numbered), table):
            raise CommitFailedException(f"{self._name} has another entry meanwhile")
        table.append(_content(self._target, numbered, table))

    def _put(self, numbered: Numbered) -> None:
        table, same = made(self._catalog, self._name, _COLUMNS, "partition"), _same(numbered)
        held = self._rows(same, table)
        if held == [numbered]:
            return
        content = _content(self._target, numbered, table)
        if held:
            table.overwrite(content, every(same, equals(target=self._target.table)))
        else:
            table.append(content)

    def _rows(
        self, condition: BooleanExpression | None = None, table: Table | None = None
    ) -> list[Numbered]:
        ledger = table or opened(self._catalog, self._name)
        if ledger is None:
            return []
        mine = equals(target=self._target.table)
        scan = ledger.scan(mine if condition is None else every(mine, condition))
        return [_numbered(row) for row in scan.to_arrow().to_pylist()]


def _in_force(found: list[Numbered]) -> Iterator[Entry]:
    """Yield the entry in force of each partition, the latest partition first."""
    ascending = sorted(found, key=lambda each: each.number)
    newest = {each.entry.partition: each.entry for each in ascending}
    for partition in sorted(newest, reverse=True):
        yield newest[partition]


def _same(numbered: Numbered) -> BooleanExpression:
    return equals(partition=numbered.entry.partition, number=numbered.number)


def _content(target: Target, numbered: Numbered, table: Table) -> Any:
    """Return the row of an entry, as a table of Arrow."""
    import pyarrow as pa

    entry = vars(numbered.entry)
    texts = {name: json.dumps(entry[name]) for name in _AS_JSON}
    row = {"number": numbered.number, "target": target.table, **entry, **texts}
    return pa.Table.from_pylist([row], schema=table.schema().as_arrow())


def _numbered(row: Mapping[str, Any]) -> Numbered:
    known = {each.name: row[each.name] for each in fields(Entry) if each.name in row}
    read: dict[str, Any] = {name: json.loads(known[name]) for name in _AS_JSON}
    return Numbered(number=row["number"], entry=Entry(**{**known, **read}))
