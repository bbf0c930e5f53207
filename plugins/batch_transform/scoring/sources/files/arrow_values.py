"""Arrow's types and values as kinds, and as Python's exact values.

https://arrow.apache.org/docs/python/api/datatypes.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyarrow import types

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.records.unwritable import FAR, FINE, UnreadableValue

_DOUBLED = UnreadableValue("a struct that has a field twice; correct the files")


def kind_of_arrow(arrow: Any) -> Kind | None:
    """Return the kind of an Arrow type; None where the values will show it, or have none."""
    if types.is_dictionary(arrow):
        return kind_of_arrow(arrow.value_type)
    kinds: tuple[tuple[Callable[[Any], bool], Kind], ...] = (
        (types.is_integer, "integer"),
        (types.is_decimal, "decimal"),
        (types.is_floating, "float"),
        (types.is_boolean, "boolean"),
        (types.is_string, "text"),
        (types.is_large_string, "text"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp"),
        (types.is_nested, "nested"),
    )
    return next((kind for is_such, kind in kinds if is_such(arrow)), None)


def python_values(column: Any) -> list[Any]:
    """Return a column's values as Python's; one that Python has not is an ``UnreadableValue``."""
    arrow = exact(column.type)
    try:
        return _python(column, arrow)
    except (ValueError, ArithmeticError, KeyError):
        return [_value(column.slice(at, 1), arrow) for at in range(len(column))]


def _value(alone: Any, arrow: Any) -> Any:
    try:
        return _python(alone, arrow)[0]
    except pa.ArrowInvalid:  # the cast would lose digits
        return FINE
    except UnicodeDecodeError:
        return UnreadableValue("text that is not UTF-8; correct the files")
    except KeyError:
        return UnreadableValue("a map that has a key twice; correct the files")
    except (ValueError, ArithmeticError):
        return _DOUBLED if _has_doubled_names(arrow) else FAR


def _has_doubled_names(arrow: Any) -> bool:
    """Tell whether a struct, here or inside, has two fields of one name."""
    inside = [arrow.field(number) for number in range(arrow.num_fields)]
    names = [field.name for field in inside] if types.is_struct(arrow) else []
    return len(set(names)) < len(names) or any(_has_doubled_names(field.type) for field in inside)


def _python(column: Any, arrow: Any) -> list[Any]:
    values: list[Any] = (column if arrow == column.type else column.cast(arrow)).to_pylist(
        maps_as_pydicts="strict"
    )
    return values


def exact(arrow: Any) -> Any:
    """Return the type in which Python's values are exact: microseconds, in UTC, no dictionaries."""
    if types.is_dictionary(arrow):
        return exact(arrow.value_type)
    if types.is_timestamp(arrow):
        unit = "us" if arrow.unit == "ns" else arrow.unit
        return pa.timestamp(unit, "UTC" if arrow.tz else None)
    for is_such, make in (
        (types.is_list, pa.list_),
        (types.is_large_list, pa.large_list),
        (types.is_fixed_size_list, lambda field: pa.list_(field, arrow.list_size)),
        (types.is_list_view, pa.list_view),
        (types.is_large_list_view, pa.large_list_view),
    ):
        if is_such(arrow):
            return make(arrow.value_field.with_type(exact(arrow.value_type)))
    if types.is_struct(arrow):
        return pa.struct([field.with_type(exact(field.type)) for field in arrow])
    if types.is_map(arrow):
        return pa.map_(exact(arrow.key_type), exact(arrow.item_type), arrow.keys_sorted)
    return arrow
