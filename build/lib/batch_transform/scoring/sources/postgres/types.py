"""PostgreSQL's types: the kind of each, and the SQL whose text is the one of ``docs/types.md``.

The database writes the records, so what it would write otherwise is said here in SQL. What only a
value shows (NaN, a date of the year 10000) becomes a mark that no value of its column can be, and
the reader of the stream refuses it.
"""

from __future__ import annotations

from collections.abc import Callable

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.pipeline import Policies

MARK = "\x01"
"""What a date or a timestamp that cannot be written becomes."""

KINDS: dict[str, Kind] = {
    "bool": "boolean",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "float4": "float",
    "float8": "float",
    "numeric": "decimal",
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "name": "text",
    "uuid": "text",
    "date": "date",
    "timestamptz": "timestamp",
    "json": "nested",
    "jsonb": "nested",
    **dict.fromkeys(
        ("_bool", "_int2", "_int4", "_int8", "_text", "_varchar", "_uuid"), "nested"
    ),
    **dict.fromkeys(("_float4", "_float8", "_numeric"), "nested"),
}  # fmt: skip
"""By the name in pg_type; an enum is text."""

_NOT_FINITE = ("NaN", "Infinity", "-Infinity")


def expression(column: str, type_name: str, policies: Policies, *, csv: bool) -> str:
    """Return the SQL whose text is to be written for a quoted column of a type."""
    if type_name in ("_float4", "_float8", "_numeric"):
        unwritable = " OR ".join(f"'{value}' = ANY ({column})" for value in _NOT_FINITE)
        return f"CASE WHEN {unwritable} THEN '{MARK}' ELSE CAST(to_jsonb({column}) AS text) END"
    return _EXPRESSIONS.get(KINDS.get(type_name, "text"), _text)(column, type_name, policies, csv)


def _same(column: str, type_name: str, policies: Policies, csv: bool) -> str:
    return column


def _boolean(column: str, type_name: str, policies: Policies, csv: bool) -> str:
    return f"CAST({column} AS text)"


def _number(column: str, type_name: str, policies: Policies, csv: bool) -> str:
    if type_name == "float4":
        # A float4 of 1234567 would be written with an exponent; the digits are those of a float4.
        column = f"CAST(CAST({column} AS text) AS float8)"
    if policies.nan == "empty":
        column = f"NULLIF({column}, 'NaN')"
    if policies.infinity == "empty":
        column = f"NULLIF(NULLIF({column}, 'Infinity'), '-Infinity')"
    return column


def _text(column: str, type_name: str, policies: Policies, csv: bool) -> str:
    if not csv or policies.line_break == "refuse" or type_name not in ("text", "varchar", "bpchar"):
        return column
    one_line = f"replace(replace({column}, E'\\r\\n', ' '), E'\\r', ' ')"
    return f"replace({one_line}, E'\\n', ' ')"


def _date(column: str, type_name: str, policies: Policies, csv: bool) -> str:
    return (
        f"CASE WHEN {column} BETWEEN '0001-01-01' AND '9999-12-31' THEN CAST({column} AS text)"
        f" WHEN {column} IS NOT NULL THEN '{MARK}' END"
    )


def _timestamp(column: str, type_name: str, policies: Policies, csv: bool) -> str:
    # The session's zone is UTC, so that the text ends in +00.
    return (
        f"CASE WHEN {column} >= '0001-01-01 00:00:00+00' AND {column} < '10000-01-01 00:00:00+00'"
        f" THEN replace(CAST({column} AS text), ' ', 'T') || ':00'"
        f" WHEN {column} IS NOT NULL THEN '{MARK}' END"
    )


def _nested(column: str, type_name: str, policies: Policies, csv: bool) -> str:
    if type_name == "json":
        return f"CAST({column} AS jsonb)"
    return column if type_name == "jsonb" else f"to_jsonb({column})"


_EXPRESSIONS: dict[Kind, Callable[[str, str, Policies, bool], str]] = {
    "boolean": _boolean,
    "integer": _same,
    "float": _number,
    "decimal": _number,
    "text": _text,
    "date": _date,
    "timestamp": _timestamp,
    "nested": _nested,
}
