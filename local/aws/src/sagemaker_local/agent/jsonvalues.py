r"""JSON values as the service writes them: compact, keys in the order of their bytes.

Numbers keep the spelling they came with, because a float that is read and written again may
change (`1.0` to `1`, `1e5` to `100000.0`), and what the service does is not documented.
"""

from __future__ import annotations

import decimal
import json
from typing import Any, NoReturn

_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_HTML = str.maketrans(_ESCAPES)


class Literal:
    """A number whose spelling Python would change."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _number(text: str) -> float | Literal:
    value = float(text)
    return value if repr(value) == text else Literal(text)


def _integer(text: str) -> int | Literal:
    return Literal(text) if text == "-0" else int(text)


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _go_number(text: str) -> Literal:
    """A number as Go's `encoding/json` writes one that it read into a float64."""
    value = float(text)
    size = abs(value)
    if size == 0 or 1e-6 <= size < 1e21:
        plain = format(decimal.Decimal(repr(value)), "f")
        return Literal(plain.removesuffix(".0"))
    mantissa, _, exponent = repr(value).partition("e")
    return Literal(f"{mantissa.removesuffix('.0')}e{int(exponent):+}")


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_constant)
_MINUS_ZERO_DECODER = json.JSONDecoder(
    parse_float=_number, parse_int=_integer, parse_constant=_constant
)
_GO_DECODER = json.JSONDecoder(
    parse_float=_go_number, parse_int=_go_number, parse_constant=_constant
)


def _decoder(data: bytes, *, go_numbers: bool) -> json.JSONDecoder:
    """The fastest decoder that keeps the numbers in the data; calling back costs a third more."""
    if go_numbers:
        return _GO_DECODER
    return _MINUS_ZERO_DECODER if b"-0" in data else _DECODER


def parse(data: bytes, *, go_numbers: bool = False) -> Any:
    """The value of one JSON text.

    Args:
        data: the text.
        go_numbers: take every number for a float64 and write it as Go does.

    Raises:
        ValueError: it is not JSON in UTF-8, or nested too deeply.
    """
    try:
        return _decoder(data, go_numbers=go_numbers).decode(data.decode())
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None


def parse_stream(data: bytes, *, go_numbers: bool = False) -> list[Any]:
    """The values of several JSON texts one after another, whatever blanks lie between.

    Raises:
        ValueError: one of them is not JSON in UTF-8.
    """
    decoder = _decoder(data, go_numbers=go_numbers)
    text, position = data.decode(), 0
    values: list[Any] = []
    while True:
        while text[position : position + 1].isspace():
            position += 1
        if position >= len(text):
            return values
        try:
            value, position = decoder.raw_decode(text, position)
        except RecursionError:
            raise ValueError("a value is nested too deeply") from None
        values.append(value)


class _HasLiteral(Exception):
    """The fast encoder cannot write a `Literal`."""


def _refuse(_value: object) -> NoReturn:
    raise _HasLiteral


_FAST = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_refuse, check_circular=False
)


def dump(value: Any, *, html_escape: bool = False) -> bytes:
    """One compact JSON text, keys sorted by their bytes.

    Args:
        value: what `parse` gave, or built from such values.
        html_escape: spell `<`, `>`, `&` as Go's `encoding/json` does unless told otherwise.
    """
    try:
        text = _FAST.encode(value)
    except _HasLiteral:
        text = _slow(value)
    if html_escape:
        text = text.translate(_HTML)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _slow(value: Any) -> str:
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, dict):
        inner = (f"{_FAST.encode(key)}:{_slow(value[key])}" for key in sorted(value))
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_slow, value)) + "]"
    return _FAST.encode(value)
