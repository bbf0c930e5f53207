"""What a statement gives, as Snowflake's API sends it to its connector."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from fakesnow.arrow import to_ipc, to_sf
from fakesnow.rowtype import describe_as_rowtype

from local.snowflake.cursor import Cursor

_COLUMN = {
    "database": "",
    "schema": "",
    "table": "",
    "nullable": True,
    "byteLength": None,
    "length": None,
    "scale": 0,
    "precision": 38,
    "collation": None,
}


class Refused(Exception):
    """A statement is refused.

    Attributes:
        number: of the error.
        state: its SQLSTATE.
    """

    def __init__(self, words: str, number: int = 1003, state: str = "42000") -> None:
        """Refuse in Snowflake's words."""
        self.number = number
        self.state = state
        super().__init__(words)


CANCELLED = "SQL execution canceled"


def cancelled() -> Refused:
    """Return the error of a statement that somebody stopped."""
    return Refused(CANCELLED, 604, "57014")


@dataclass(frozen=True)
class Answer:
    """Columns, and rows as JSON or as Arrow."""

    rowtype: Sequence[Any]
    total: int
    result: dict[str, Any]

    @property
    def content(self) -> dict[str, Any]:
        """Its part of a response."""
        return {"rowtype": self.rowtype, "total": self.total, **self.result}


def told(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Answer:
    """Answer by texts and whole numbers; a number stands below a name that begins with ``#``."""
    rowtype = [
        {**_COLUMN, "name": name.lstrip("#"), "type": "fixed" if name[0] == "#" else "text"}
        for name in columns
    ]
    texts = [[None if value is None else str(value) for value in row] for row in rows]
    return Answer(rowtype, len(texts), {"queryResultFormat": "json", "rowset": texts})


def of_cursor(cursor: Cursor) -> Answer:
    """Answer by what fakesnow's cursor holds."""
    rowtype = describe_as_rowtype(cursor.columns)
    table = cursor.table
    body = b64encode(to_ipc(_with_nulls(to_sf(table, rowtype), table))).decode()
    return Answer(rowtype, table.num_rows, {"queryResultFormat": "arrow", "rowsetBase64": body})


def _with_nulls(sent: pa.Table, table: pa.Table) -> pa.Table:
    """Return timestamps that are NULL as such: fakesnow makes them the first of 1970."""
    for number, column in enumerate(sent.columns):
        if pa.types.is_struct(column.type) and table.column(number).null_count:
            structs, mask = column.combine_chunks(), table.column(number).combine_chunks().is_null()
            fields = list(column.type)
            held = pa.StructArray.from_arrays(structs.flatten(), fields=fields, mask=mask)
            sent = sent.set_column(number, sent.field(number), held)
    return sent


def described(columns: Sequence[Any]) -> Answer:
    """Answer by the columns of a query that is not run."""
    rowtype = describe_as_rowtype(list(columns))
    return Answer(rowtype, 0, {"queryResultFormat": "arrow", "rowsetBase64": ""})
