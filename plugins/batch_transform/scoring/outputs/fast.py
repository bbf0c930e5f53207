"""Reads the output of a shard whole columns at a time.

A shard goes through only where the lines, the records and the answers are equally many, and every
id is that of the record in its place. Whatever is unusual is left to ``answers``, which finds the
same or says what is wrong: a value that does not fit costs its line, anything else the shard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from batch_transform.scoring.outputs.fetch import Fetched
from batch_transform.scoring.outputs.paths import id_paths, joined_id_paths, prediction_paths
from batch_transform.scoring.outputs.replies import lines_of, parsed, width_problem
from batch_transform.scoring.outputs.shape import Format, Shape
from batch_transform.scoring.outputs.staged import Staged, literal
from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.pipeline.replypath import Steps, json_path


def stage_right(staged: Staged, files: Fetched, shape: Shape) -> Sequence[int] | None:
    """Stage the rows of a shard whose values fit.

    Returns:
        The numbers of the other lines, from 1; None, with no row staged, where the lines are not
        known to be those of the records.
    """
    if files.lines != files.shard.records:
        return None
    try:
        _read_sent(staged, files.sent, shape)
        if not _read_answered(staged, files.answered, shape):
            return None
    except (duckdb.Error, ValueError):
        return None
    ids, places = range(shape.ids), range(len(shape.predictions))
    same = [f"sent.i{n} = answered.i{n}" for n in ids] if shape.joined else []
    (counts,) = staged.run("count_same", same=" AND ".join(same) or "true")
    if set(counts) != {files.shard.records}:
        return None
    columns = staged.columns[: shape.ids]
    staged.add(
        "read_right",
        ids=", ".join(f"CAST(sent.i{n} AS {each.sql})" for n, each in enumerate(columns)),
        values=", ".join(f"answered.v{n}" for n in places),
    )
    return [number for (number,) in staged.run("find_unfit")]


def _read_sent(staged: Staged, path: Path, shape: Shape) -> None:
    first = _first(path, shape.sent)
    if shape.sent == "csv":
        fields = [_csv_id(n) for n in range(shape.ids)]
        _read_csv(staged, "sent", path, (len(first), fields))
    else:
        fields = [f"texts[{n + 1}] AS i{n}" for n in range(shape.ids)]
        _read_jsonl(staged, "sent", path, (id_paths(first, shape), fields))


def _read_answered(staged: Staged, path: Path, shape: Shape) -> bool:
    first = _first(path, shape.answered)
    if shape.answered == "csv":
        return _read_answered_csv(staged, path, len(first), shape)
    steps = joined_id_paths(first, shape) if shape.joined else []
    if not shape.joined and isinstance(first, list) and not shape.reply_is_list:
        return False
    ids = [f"texts[{n + 1}] AS i{n}" for n in range(len(steps))]
    predicted = prediction_paths(shape)
    texts = [f"texts[{len(steps) + n + 1}]" for n in range(len(predicted))]
    fits = [
        _json_fits(text, _Column(each, shape.placeholder), path_)
        for text, each, path_ in zip(
            texts, shape.predictions.values(), map(json_path, predicted), strict=True
        )
    ]
    fields = [*ids, *_values(texts, shape), f"{' AND '.join(fits)} AS fits"]
    _read_jsonl(staged, "answered", path, ([*steps, *predicted], fields))
    return True


def _read_answered_csv(staged: Staged, path: Path, width: int, shape: Shape) -> bool:
    if width_problem(width, shape):
        return False
    ids = [_csv_id(n) for n in range(shape.ids)] if shape.joined else []
    texts = [f"nullif(c{int(each.at) % width}, '')" for each in shape.predictions.values()]
    fits = [
        _allowing_null(_fits(text, _Column(each, shape.placeholder)), text, each)
        for text, each in zip(texts, shape.predictions.values(), strict=True)
    ]
    fields = [*ids, *_values(texts, shape), f"{' AND '.join(fits)} AS fits"]
    _read_csv(staged, "answered", path, (width, fields))
    return True


def _first(path: Path, form: Format) -> Any:
    return parsed(next(lines_of(path), b""), 1, form)


def _csv_id(number: int) -> str:
    return f"coalesce(c{number}, '') AS i{number}"


def _values(texts: Sequence[str], shape: Shape) -> list[str]:
    return [
        f"{TYPES[each.type].cast.format(text=text)} AS v{number}"
        for number, (text, each) in enumerate(zip(texts, shape.predictions.values(), strict=True))
    ]


@dataclass(frozen=True)
class _Column:
    """A predicted column, and what the model writes where it has no prediction."""

    prediction: Prediction
    placeholder: str | None


def _fits(text: str, column: _Column) -> str:
    each = column.prediction
    value = TYPES[each.type].cast.format(text=text)
    tests = [TYPES[each.type].fits.format(text=text, value=value)]
    if column.placeholder is not None:
        tests.append(f"{text} <> {literal(column.placeholder)}")
    whole = each.type == "bigint"
    if each.min is not None:
        tests.append(f"{value} >= {math.ceil(each.min) if whole else repr(each.min)}")
    if each.max is not None:
        tests.append(f"{value} <= {math.floor(each.max) if whole else repr(each.max)}")
    return f"coalesce({' AND '.join(tests)}, false)"


def _allowing_null(fits: str, text: str, each: Prediction) -> str:
    return f"({text} IS NULL OR {fits})" if each.nullable else fits


def _json_fits(text: str, column: _Column, path: str) -> str:
    fits, each = _fits(text, column), column.prediction
    if each.type == "text":
        fits = f"({fits} AND json_type(json, {literal(path)}) = 'VARCHAR')"
    if each.nullable:  # a path that leads nowhere is not a null
        return f"CASE WHEN {text} IS NULL THEN json_exists(json, {literal(path)}) ELSE {fits} END"
    return fits


def _read_csv(staged: Staged, table: str, path: Path, what: tuple[int, list[str]]) -> None:
    width, fields = what
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(width))
    staged.run(
        "read_csv", [str(path)], table=table, fields=", ".join(fields), columns=f"{{{columns}}}"
    )


def _read_jsonl(
    staged: Staged, table: str, path: Path, what: tuple[Sequence[Steps], list[str]]
) -> None:
    steps, fields = what
    paths = ", ".join(literal(json_path(each)) for each in steps)
    staged.run("read_jsonl", [str(path)], table=table, fields=", ".join(fields), paths=f"[{paths}]")
