"""Columns of texts to the bytes of lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.pipeline.record import Policies
from batch_transform.scoring.records.nested import nested_texts
from batch_transform.scoring.records.scalars import MOMENTS, SCALARS, without_unwritable_numbers
from batch_transform.scoring.records.texts import csv_texts, json_texts
from batch_transform.scoring.records.unwritable import NESTED_IN_CSV, Unwritable

_NUMBERS: frozenset[Kind] = frozenset({"float", "decimal"})

Texts = Callable[[Sequence[Any], Kind | None, Policies], list[str]]


def csv_column(values: Sequence[Any], kind: Kind | None, policies: Policies) -> list[str]:
    """Return the CSV fields of a column."""
    if kind == "nested":
        first = next((number for number, value in enumerate(values) if value is not None), 0)
        raise Unwritable(first, NESTED_IN_CSV)
    if kind is None or kind == "text":
        return csv_texts(values, policies)
    return ["" if text is None else text for text in _scalars(values, kind, policies)]


def json_column(values: Sequence[Any], kind: Kind | None, policies: Policies) -> list[str]:
    """Return the JSON values of a column."""
    if kind == "nested":
        return nested_texts(values, policies)
    if kind is None or kind == "text":
        return json_texts(values, policies)
    texts = _scalars(values, kind, policies)
    if kind in MOMENTS:
        return ["null" if text is None else f'"{text}"' for text in texts]
    return ["null" if text is None else text for text in texts]


def csv_lines(columns: Sequence[Sequence[str]]) -> bytes:
    """Assemble columns of fields, at least one row."""
    return ("\n".join(map(",".join, zip(*columns, strict=True))) + "\n").encode()


def json_lines(names: Sequence[str], columns: Sequence[Sequence[str]]) -> bytes:
    """Assemble columns of JSON values, at least one row."""
    count = len(columns[0])
    pieces: list[str] = [""] * (2 * len(names) * count)
    for number, (lead, texts) in enumerate(zip(leads(names), columns, strict=True)):
        pieces[2 * number :: 2 * len(names)] = [lead] * count
        pieces[2 * number + 1 :: 2 * len(names)] = texts
    return ("".join(pieces).removeprefix("}\n") + "}\n").encode()


def leads(names: Sequence[str]) -> list[str]:
    """Return the text before each value; the first begins with the end of the line before."""
    first, *others = [json.dumps(name) for name in names]
    return ["}\n{" + f"{first}:", *(f",{name}:" for name in others)]


def _scalars(values: Sequence[Any], kind: Kind, policies: Policies) -> list[str | None]:
    if kind in _NUMBERS:
        values = without_unwritable_numbers(values, policies)
    return SCALARS[kind](values)
