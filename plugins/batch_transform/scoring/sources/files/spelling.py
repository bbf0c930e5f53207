r"""Records spelled by DuckDB, a column of values at a time, to the bytes that the encoder writes.

Each value has an expression of SQL. It is NULL where a value is rare and DuckDB would write it
otherwise, such as a float of more than 15 digits, or where nothing may be written at all: the
whole row then goes to ``records/encoder.py``, which writes it, or refuses it in its own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from batch_transform.scoring.kinds import ID_KINDS, Kind
from batch_transform.scoring.pipeline.record import Policies, Record
from batch_transform.scoring.queries import literal
from batch_transform.scoring.records.lines import leads
from batch_transform.scoring.sources.files.carriers import Carrier

_NOWHERE = "CAST(NULL AS VARCHAR)"  # for the encoder
_ALWAYS: frozenset[Kind | None] = frozenset({"integer", "decimal", "boolean", None})
_REFUSING = Policies()  # of ids, which no policy changes
_POLICIES = {"nan", "infinity", "line_break", "nul", "surrogate"}  # that are known here


@dataclass(frozen=True, kw_only=True)
class Spelled:
    """Parts of the statement that spells records.

    Attributes:
        fields: the expressions of all values, as columns ``f0``, ``f1`` … .
        pieces: what a line consists of, in its order.
        written: whether DuckDB has written each of them.
    """

    fields: str
    pieces: str
    written: str


def spelled(carriers: Sequence[Carrier], record: Record) -> Spelled:
    """Spell records of columns ``c0``, ``c1`` … ; none where a policy is not known here."""
    chosen = record.policies.model_dump(exclude_defaults=True)
    fields, fallible = [], [] if chosen.keys() <= _POLICIES else ["false"]
    for number, each in enumerate(carriers):
        is_id = number < len(record.id)
        fields.append(f"{_id(number, each, record) if is_id else _field(number, each, record)}")
        if is_id or each.is_pickled or each.kind not in _ALWAYS:
            fallible.append(f"f{number} IS NOT NULL")
    return Spelled(
        fields=", ".join(f"{field} AS f{number}" for number, field in enumerate(fields)),
        pieces=", ".join(_pieces(record)),
        written=" AND ".join(fallible),
    )


def joined(lines: Any) -> bytes:
    """Return the bytes of a column of lines, none of them NULL."""
    lines = lines.cast(pa.large_string())
    _, offsets, content = lines.buffers()
    ends = memoryview(offsets).cast("q")
    start, end = ends[lines.offset], ends[lines.offset + len(lines)]
    body: bytes = content.slice(start, end - start).to_pybytes()
    return body


def _pieces(record: Record) -> list[str]:
    count = len(record.columns)
    if record.format == "csv":
        separated = [piece for number in range(count) for piece in (f"f{number}", "','")]
        return [*separated[:-1], "chr(10)"]
    pieces = []
    for number, lead in enumerate(leads(record.columns)):
        pieces += [literal(lead.removeprefix("}\n")), f"f{number}"]
    return [*pieces, "'}' || chr(10)"]


def _id(number: int, carrier: Carrier, record: Record) -> str:
    if carrier.kind not in ID_KINDS or carrier.is_pickled:
        return _NOWHERE
    unchanged = record.model_copy(update={"policies": _REFUSING})
    field = _field(number, carrier, unchanged)
    return f"CASE WHEN c{number} IS NOT NULL THEN {field} END"


def _field(number: int, carrier: Carrier, record: Record) -> str:
    null = "''" if record.format == "csv" else "'null'"
    if carrier.is_pickled:
        return _NOWHERE
    if carrier.kind is None:
        return null
    column = f"c{number}"
    if carrier.kind == "text":
        spell = _csv_text if record.format == "csv" else _json_text
        return f"CASE WHEN {column} IS NULL THEN {null} {spell(column, record.policies)} END"
    if carrier.kind == "float":
        cases = _float(column, null, record.policies)
    else:
        cases = _SCALARS[carrier.kind](column, '"' if record.format == "jsonl" else "")
    return f"CASE WHEN {column} IS NULL THEN {null} {cases} END"


def _plain(column: str, quote: str) -> str:
    return f"ELSE CAST({column} AS VARCHAR)"


def _date(column: str, quote: str) -> str:
    mark = literal(quote)
    return (
        f"WHEN {column} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
        f" THEN concat({mark}, CAST({column} AS VARCHAR), {mark})"
    )


def _timestamp(column: str, quote: str) -> str:
    return (
        f"WHEN {column} >= TIMESTAMP '0001-01-01 00:00:00'"
        f" AND {column} < TIMESTAMP '10000-01-01 00:00:00'"
        f" THEN concat({literal(quote)}, replace(CAST({column} AS VARCHAR), ' ', 'T'),"
        f" {literal('+00:00' + quote)})"
    )


def _float(column: str, null: str, policies: Policies) -> str:
    """Spell as ``float_text`` does; Python writes what is large, as few programs do as PostgreSQL.

    From 2^53 to 1e40 a text may be as near to another number, and from 1e15 on there are exponents.
    """
    nan = f"WHEN isnan({column}) THEN {null if policies.nan == 'empty' else 'NULL'}"
    infinity = f"WHEN isinf({column}) THEN {null if policies.infinity == 'empty' else 'NULL'}"
    text = f"CAST({column} AS VARCHAR)"
    return (
        f"WHEN {column} = 0 THEN replace({text}, '.0', '')"
        f" WHEN abs({column}) < 1e15 AND {column} = trunc({column})"
        f" THEN CAST(CAST({column} AS BIGINT) AS VARCHAR)"
        f" WHEN abs({column}) < 1e15 THEN {text} {nan} {infinity}"
        f" WHEN abs({column}) >= 1e40 THEN {text}"
    )


def _csv_text(column: str, policies: Policies) -> str:
    r"""Quote a text as RFC 4180 has it, the empty one too: NULL is an empty field."""
    text = column
    if policies.nul == "drop":
        text = f"replace({text}, chr(0), '')"
    if policies.line_break == "space":
        for line_break in ("chr(13) || chr(10)", "chr(13)", "chr(10)"):
            text = f"replace({text}, {line_break}, ' ')"
    return (
        rf"""WHEN {column} <> '' AND NOT regexp_matches({column}, '[\x00\r\n",]') THEN {column}"""
        rf" WHEN regexp_matches({text}, '[\x00\r\n]') THEN NULL"
        rf""" WHEN {text} = '' OR regexp_matches({text}, '[",]')"""
        rf""" THEN concat('"', replace({text}, '"', '""'), '"') ELSE {text}"""
    )


def _json_text(column: str, policies: Policies) -> str:
    r"""Quote a text as JSON; DuckDB escapes as Python does, but for the case of ``\u001F``."""
    return (
        rf"""WHEN NOT regexp_matches({column}, '[\x00-\x1f"\\]') THEN concat('"', {column}, '"')"""
        rf" WHEN NOT regexp_matches({column}, '[\x00-\x07\x0b\x0e-\x1f]')"
        rf" THEN CAST(to_json({column}) AS VARCHAR)"
    )


_SCALARS: Mapping[Kind, Callable[[str, str], str]] = {
    "integer": _plain,
    "decimal": _plain,
    "boolean": _plain,
    "date": _date,
    "timestamp": _timestamp,
}
