"""How the values of a Parquet column pass through DuckDB: as a type of its own that is exact.

Most types are one of DuckDB's. What it has no type for, or would change, such as a decimal of 76
digits, a list or a struct, passes as bytes: Python's own values, pickled.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import types

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.sources.files.arrow_values import (
    exact,
    kind_of_arrow,
    python_values,
)

_WIDEST = 38  # digits of a decimal in DuckDB
_INTEGER = pa.int64()
_UNSIGNED = pa.decimal128(20)  # every integer of 64 bits, whatever its sign
_PICKLED = pa.binary()
_NULL = pa.null()
# https://arrow.apache.org/docs/format/Columnar.html: instants, which DuckDB need not know to be so
_INSTANT = pa.timestamp("us")


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """What a column is while it passes through DuckDB.

    Attributes:
        kind: of its values; None where it is not known.
        arrow: the type.
    """

    kind: Kind | None
    arrow: Any

    @property
    def is_pickled(self) -> bool:
        """Whether only Python can read it."""
        return bool(self.arrow == _PICKLED)

    @property
    def is_unsigned(self) -> bool:
        """Whether these are integers that DuckDB takes for decimals."""
        return self.kind == "integer" and bool(self.arrow == _UNSIGNED)

    @property
    def orders_ids(self) -> bool:
        """Whether DuckDB can put ids in order by it."""
        return not self.is_pickled and self.kind in {"integer", "text", None}

    def with_other(self, other: Carrier) -> Carrier:
        """Return the carrier for the values of both, which are of one kind."""
        if other.arrow in {self.arrow, _NULL}:
            return self
        if self.arrow == _NULL:
            return other
        if self.kind == "integer":
            return Carrier(kind="integer", arrow=_UNSIGNED)
        decimals = types.is_decimal(self.arrow) and types.is_decimal(other.arrow)
        if decimals and self.arrow.scale == other.arrow.scale:
            return max(self, other, key=lambda each: each.arrow.precision)
        return Carrier(kind=self.kind, arrow=_PICKLED)

    def take(self, column: Any) -> Any:
        """Return a column of a file as it passes.

        Raises:
            ArrowInvalid: a value does not fit.
            ArrowNotImplementedError: no value of its type can be taken.
        """
        if self.is_pickled:
            pickled = [None if v is None else pickle.dumps(v) for v in python_values(column)]
            return pa.array(pickled, _PICKLED)
        if self.kind == "text":
            column.validate(full=True)  # whether it is UTF-8
        if column.type == self.arrow:
            return column
        return column.cast(exact(column.type)).cast(self.arrow)

    def give(self, column: Any) -> list[Any]:
        """Return what has passed as Python's values."""
        if self.is_pickled:
            # What this process has pickled itself.
            return [None if v is None else pickle.loads(v) for v in column.to_pylist()]  # noqa: S301
        if self.kind == "timestamp":
            return python_values(column.cast(pa.timestamp("us", "UTC")))
        values = python_values(column)
        if self.is_unsigned:
            return [None if value is None else int(value) for value in values]
        return values


def carrier(arrow: Any) -> Carrier:
    """Return how values of an Arrow type pass."""
    if types.is_dictionary(arrow):
        return carrier(arrow.value_type)
    kind = kind_of_arrow(arrow)
    carried = _BY_KIND[kind](arrow) if kind in _BY_KIND else None
    if types.is_null(arrow):
        carried = _NULL
    return Carrier(kind=kind, arrow=_PICKLED if carried is None else carried)


def _decimal(arrow: Any) -> Any:
    # DuckDB writes 0.5 as .5 where there is no digit before the point.
    digits = max(arrow.precision, arrow.scale + 1)
    return pa.decimal128(digits, arrow.scale) if arrow.scale >= 0 and digits <= _WIDEST else None


_BY_KIND: Mapping[Kind | None, Callable[[Any], Any]] = {
    "integer": lambda arrow: _UNSIGNED if arrow == pa.uint64() else _INTEGER,
    "decimal": _decimal,
    "float": lambda _: pa.float64(),
    "boolean": lambda _: pa.bool_(),
    "text": lambda _: pa.string(),
    "date": lambda _: pa.date32(),
    "timestamp": lambda arrow: _INSTANT if arrow.tz else None,
}


class Misfit(Exception):
    """A file has values that do not fit the carriers; nothing of what was read is used.

    Attributes:
        carriers: those that fit all that has been read.
    """

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        """Keep them."""
        self.carriers = tuple(carriers)
        super().__init__(f"{len(self.carriers)} carriers")


def taken(batch: Any, carriers: Sequence[Carrier]) -> Any:
    """Return a batch of a file's rows as it passes through DuckDB.

    Raises:
        Misfit: a value does not fit; its column is to be pickled.
    """
    columns = []
    for number, (column, each) in enumerate(zip(batch.columns, carriers, strict=True)):
        try:
            columns.append(each.take(column))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            wider = list(carriers)
            wider[number] = Carrier(kind=each.kind, arrow=_PICKLED)
            raise Misfit(wider) from None
    return pa.record_batch(columns, schema=passing(carriers))


def passing(carriers: Sequence[Carrier]) -> Any:
    """Return the schema of what passes: a column ``c0``, ``c1`` … for each carrier."""
    return pa.schema([(f"c{number}", each.arrow) for number, each in enumerate(carriers)])
