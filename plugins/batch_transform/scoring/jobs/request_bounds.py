"""Holds a CreateTransformJob request to the API's own model, as it is in botocore.

botocore's validator is no substitute: it knows the types and what is required, but no longest text,
no pattern and no enumeration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

# The path of a field in the request, and what is wrong with it.
Problem = tuple[tuple[str, ...], str]

_MOST_LISTED = 10


def bound_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    """List fields that are missing, unknown, of a wrong type, or out of bounds."""
    yield from _broken(shapes()["CreateTransformJobRequest"], request, ())


@cache
def shapes() -> Mapping[str, Any]:
    """Read the model, once in a process: that of all of SageMaker is large."""
    from botocore.loaders import Loader

    known = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    reached: dict[str, Any] = {}
    names = ["CreateTransformJobRequest"]
    while names:
        name = names.pop()
        reached[name] = known[name]
        names += [below for below in _below(known[name]) if below not in reached]
    return reached


def _below(shape: Mapping[str, Any]) -> Iterator[str]:
    for each in (*shape.get("members", {}).values(), *map(shape.get, ("member", "key", "value"))):
        if each:
            yield each["shape"]


_TYPES: dict[str, tuple[Any, str]] = {
    "structure": (Mapping, "mapping"),
    "map": (Mapping, "mapping"),
    "list": (list, "list"),
    "string": (str, "text"),
    "integer": (int, "whole number"),
    "boolean": (bool, "truth value"),
}


def _broken(shape: Mapping[str, Any], value: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    kind, words = _TYPES[shape["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield path, f"is {value!r}; it must be a {words}"
        return
    yield from ((path, what) for what in _out_of_bounds(shape, value))
    known = shapes()
    if shape["type"] == "structure":
        yield from _broken_structure(shape, value, path)
    elif shape["type"] == "map":
        for key, each in value.items():
            yield from _broken(known[shape["key"]["shape"]], key, (*path, str(key)))
            yield from _broken(known[shape["value"]["shape"]], each, (*path, str(key)))
    elif shape["type"] == "list":
        for number, each in enumerate(value):
            yield from _broken(known[shape["member"]["shape"]], each, (*path, str(number)))


def _broken_structure(
    shape: Mapping[str, Any], value: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[Problem]:
    for name in shape.get("required", ()):
        if name not in value:
            yield (*path, name), "is missing"
    for name, each in value.items():
        if name not in shape["members"]:
            yield (*path, str(name)), _no_field(str(name), shape["members"])
        elif each is None:
            yield (*path, name), "is null, which no field can be"
        else:
            yield from _broken(shapes()[shape["members"][name]["shape"]], each, (*path, name))


def _no_field(name: str, fields: Mapping[str, Any]) -> str:
    close = get_close_matches(name, fields, n=1)
    known = f"did you mean {close[0]}?" if close else f"there are {', '.join(fields)}"
    return f"is not a field of CreateTransformJob; {known}"


def _out_of_bounds(shape: Mapping[str, Any], value: Any) -> Iterator[str]:
    if shape["type"] in ("structure", "boolean"):
        return
    size, what = (value, "") if shape["type"] == "integer" else (len(value), " long")
    if size > shape.get("max", size):
        yield f"is {size}{what}; at most {shape['max']}"
    elif size < shape.get("min", size):
        yield f"is {size}{what}; at least {shape['min']}"
    elif "enum" in shape and value not in shape["enum"]:
        yield _not_listed(value, shape["enum"])
    elif "pattern" in shape and not re.fullmatch(_as_python(shape["pattern"]), value):
        yield f"is {value!r}, which does not match {shape['pattern']}"


def _not_listed(value: str, allowed: Sequence[str]) -> str:
    if len(allowed) <= _MOST_LISTED:
        return f"is {value!r}; it is one of {', '.join(allowed)}"
    import botocore

    close = ", ".join(get_close_matches(value, allowed, n=3)) or ", ".join(allowed[:3])
    return (
        f"is {value!r}, which botocore {botocore.__version__} does not know of batch transform; it"
        f" knows {len(allowed)}, such as {close}"
    )


def _as_python(pattern: str) -> str:
    """Spell the model's Java patterns: they name letters, blanks and digits by Unicode class."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d")):
        pattern = pattern.replace(java, python)
    return pattern
