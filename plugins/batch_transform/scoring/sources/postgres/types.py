"""PostgreSQL's types: the kind of each, and the SQL whose text is the one of ``docs/types.md``.

The database writes the records, so what it would write otherwise is said here in SQL. What only a
value shows (NaN, a date of the year 10000) becomes a mark that no value of its column can be, and
the reader of the stream refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.pipeline import Policies

MARK = "\x01"
"""What a date or a timestamp that cannot be written becomes; of JSON that jsonb cannot hold, the
first character before its text."""

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
        ("_bool", "_int2", "_int4", "_int8", "_text", "_varchar", "_bpchar", "_uuid"), "nested"
    ),
    **dict.fromkeys(("_float4", "_float8", "_numeric"), "nested"),
}  # fmt: skip
"""By the name in pg_type; an enum is text."""

STRINGS: frozenset[Kind] = frozenset({"text", "date", "timestamp"})
"""The kinds that JSON has strings for."""

FLOAT_ARRAYS = frozenset({"_float4", "_float8"})
NUMBER_ARRAYS = FLOAT_ARRAYS | {"_numeric"}
_NOT_FINITE = {"NaN": "nan", "Infinity": "infinity", "-Infinity": "infinity"}  # and the policy
_VALIDATES_FROM = 160_000  # pg_input_is_valid


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How the database is to write values.

    Attributes:
        to: ``csv`` and ``jsonl`` as records have them, in JSON with quotes around strings;
            ``values`` as Python reads them, so that nothing is refused, or written by a policy,
            before ``reshape.py`` has seen it.
        policies: of the records.
        server_version: as libpq numbers it: 160004.
    """

    to: Literal["csv", "jsonl", "values"]
    policies: Policies
    server_version: int

    def expression(self, column: str, type_name: str) -> str:
        """Return the SQL whose text is to be written for a quoted column of a type."""
        spell = _BY_TYPE.get(type_name) or _BY_KIND.get(KINDS.get(type_name, "text"), _same)
        text = spell(column, self)
        is_string = KINDS.get(type_name, "text") in STRINGS
        return f"'\"' || {text} || '\"'" if is_string and self.to == "jsonl" else text


def quoted(name: str) -> str:
    """Return a column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def sort_key(name: str, type_name: str) -> str:
    """Return what an id is ordered by.

    Texts are ordered by their bytes: an order by a language changes with the operating system.
    """
    if type_name.startswith("int"):
        return quoted(name)
    return f'{_text(quoted(name), type_name)} COLLATE "C"'


def _text(column: str, type_name: str) -> str:
    # A cast of bpchar to text drops the blanks at its end, which its own text has.
    if type_name == "bpchar":
        return f"CASE WHEN {column} IS NOT NULL THEN concat({column}) END"
    return f"CAST({column} AS text)"


def _same(column: str, spelling: Spelling) -> str:
    return column


def _cast(column: str, spelling: Spelling) -> str:
    return f"CAST({column} AS text)"


def _float4(column: str, spelling: Spelling) -> str:
    # A float4 of 1234567 would be written with an exponent; the digits are those of a float4.
    return _number(f"CAST(CAST({column} AS text) AS float8)", spelling)


def _number(column: str, spelling: Spelling) -> str:
    if spelling.to == "values":
        return column
    for value, policy in _NOT_FINITE.items():
        if getattr(spelling.policies, policy) == "empty":
            column = f"NULLIF({column}, '{value}')"
    return column


def _numbers(column: str, spelling: Spelling) -> str:
    if spelling.to == "values":
        return f"to_jsonb({column})"
    for value, policy in _NOT_FINITE.items():
        if getattr(spelling.policies, policy) == "empty":
            column = f"array_replace({column}, '{value}', NULL)"
    unwritable = " OR ".join(f"'{value}' = ANY ({column})" for value in _NOT_FINITE)
    return f"CASE WHEN {unwritable} THEN '{MARK}' ELSE CAST(to_jsonb({column}) AS text) END"


def _varchar(column: str, spelling: Spelling) -> str:
    if spelling.to != "csv" or spelling.policies.line_break == "refuse":
        return column
    one_line = f"replace(replace({column}, E'\\r\\n', ' '), E'\\r', ' ')"
    return f"replace({one_line}, E'\\n', ' ')"


def _bpchar(column: str, spelling: Spelling) -> str:
    return _varchar(_text(column, "bpchar"), spelling)


def _date(column: str, spelling: Spelling) -> str:
    return (
        f"CASE WHEN {column} BETWEEN '0001-01-01' AND '9999-12-31' THEN CAST({column} AS text)"
        f" WHEN {column} IS NOT NULL THEN '{MARK}' END"
    )


def _timestamp(column: str, spelling: Spelling) -> str:
    return (
        f"CASE WHEN {column} >= '0001-01-01 00:00:00+00' AND {column} < '10000-01-01 00:00:00+00'"
        f" THEN replace(CAST({column} AT TIME ZONE 'UTC' AS text), ' ', 'T') || '+00:00'"
        f" WHEN {column} IS NOT NULL THEN '{MARK}' END"
    )


def _json(column: str, spelling: Spelling) -> str:
    if spelling.server_version < _VALIDATES_FROM:
        return f"CAST({column} AS jsonb)"
    text = f"CAST({column} AS text)"
    return (
        f"CASE WHEN pg_input_is_valid({text}, 'jsonb') THEN CAST(CAST({column} AS jsonb) AS text)"
        f" WHEN {column} IS NOT NULL THEN '{MARK}' || {text} END"
    )


def _array(column: str, spelling: Spelling) -> str:
    return f"to_jsonb({column})"


_Spell = Callable[[str, Spelling], str]
_BY_TYPE: dict[str, _Spell] = {
    "float4": _float4,
    "text": _varchar,
    "varchar": _varchar,
    "bpchar": _bpchar,
    "json": _json,
    "jsonb": _same,
    **dict.fromkeys(NUMBER_ARRAYS, _numbers),
}
_BY_KIND: dict[Kind, _Spell] = {
    "boolean": _cast,
    "text": _cast,
    "float": _number,
    "decimal": _number,
    "date": _date,
    "timestamp": _timestamp,
    "nested": _array,
}
