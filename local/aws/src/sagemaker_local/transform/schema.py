"""Checking a request against every bound of the botocore model, in the service's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.utils import get_service_model

from sagemaker_local.transform.errors import SerializationException, ValidationException
from sagemaker_local.transform.patterns import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import Shape

_CONSTRAINT = "failed to satisfy constraint: "
_INT32 = 2**31


def _input_shape(operation: str) -> Shape:
    # Moto's copy of the model, and not one of our own: it is megabytes, and read once.
    return get_service_model("sagemaker").operation_model(operation).input_shape


def check(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """The members of a request that the operation knows, checked.

    Raises:
        SerializationException: a member has the wrong type.
        ValidationException: members break their bounds; all of them are named at once.
    """
    shape = _input_shape(operation)
    known = _typed(shape, request, operation)
    problems = list(_problems(shape, known, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ValidationException(count + "; ".join(problems))
    assert isinstance(known, dict)  # noqa: S101 - the input of an operation is a structure
    return known


def _typed(shape: Shape, value: Any, name: str) -> Any:
    """The value with unknown and null members left out, every type checked."""
    return _TYPES[shape.type_name](shape, value, name)


def _structure(shape: Shape, value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mistyped(value, name, "a structure")
    members = shape.members.items()
    return {
        key: _typed(member, value[key], key)
        for key, member in members
        if value.get(key) is not None
    }


def _list(shape: Shape, value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _mistyped(value, name, "a list")
    return [_typed(shape.member, each, name) for each in value if each is not None]


def _map(shape: Shape, value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mistyped(value, name, "a map")
    return {key: _typed(shape.value, each, name) for key, each in value.items() if each is not None}


def _string(_shape: Shape, value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _mistyped(value, name, "a String")
    return value


def _integer(_shape: Shape, value: Any, name: str) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not -_INT32 <= value < _INT32:
        raise _mistyped(value, name, "an Integer")
    return int(value)


def _boolean(_shape: Shape, value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise _mistyped(value, name, "a Boolean")
    return value


def _timestamp(_shape: Shape, value: Any, name: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mistyped(value, name, "a Timestamp")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise _mistyped(value, name, "a Timestamp") from None


_TYPES: dict[str, Callable[[Shape, Any, str], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "timestamp": _timestamp,
}


def _mistyped(value: Any, name: str, target: str) -> SerializationException:
    kinds = {bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", str: "STRING_VALUE"}
    got = kinds.get(type(value), "START_OBJECT" if isinstance(value, dict) else "START_ARRAY")
    return SerializationException(f"{got} of {name} can not be converted to {target}")


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            inner = f"{path}.{_lower(name)}" if path else _lower(name)
            if name in value:
                yield from _problems(member, value[name], inner)
            elif name in shape.required_members:
                yield f"Value null at '{inner}' {_CONSTRAINT}Member must not be null"
        return
    for broken in _broken(shape, value):
        yield f"Value '{_shown(value)}' at '{path}' {_CONSTRAINT}{broken}"
    if shape.type_name == "list":
        for number, each in enumerate(value, start=1):
            yield from _problems(shape.member, each, f"{path}.{number}.member")
    elif shape.type_name == "map":
        yield from _map_problems(shape, value, path)


def _map_problems(shape: Shape, value: dict[str, str], path: str) -> Iterator[str]:
    keys = [broken for key in value for broken in _broken(shape.key, key)]
    values = [broken for each in value.values() for broken in _broken(shape.value, each)]
    for kind, broken in (("keys", keys), ("value", values)):
        if broken:
            inner = ", ".join(dict.fromkeys(broken))
            yield (
                f"Value '{_shown(value)}' at '{path}' {_CONSTRAINT}"
                f"Map {kind} must satisfy constraint: [{inner}]"
            )


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    bounds = shape.metadata
    if shape.type_name == "integer":
        if value > bounds.get("max", value):
            yield f"Member must have value less than or equal to {bounds['max']}"
        if value < bounds.get("min", value):
            yield f"Member must have value greater than or equal to {bounds['min']}"
        return
    if shape.type_name not in {"string", "list", "map"}:
        return
    if len(value) > bounds.get("max", len(value)):
        yield f"Member must have length less than or equal to {bounds['max']}"
    if len(value) < bounds.get("min", 0):
        yield f"Member must have length greater than or equal to {bounds['min']}"
    if shape.type_name == "string":
        yield from _broken_text(shape, value)


def _broken_text(shape: Shape, value: str) -> Iterator[str]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    pattern = shape.metadata.get("pattern")
    # Past the longest allowed the pattern says nothing that the length does not.
    short = len(value) <= 4 * shape.metadata.get("max", len(value))
    if pattern and short and compiled(pattern).fullmatch(value) is None:
        yield f"Member must satisfy regular expression pattern: {pattern}"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={each}" for key, each in value.items()) + "}"
    return str(value)
