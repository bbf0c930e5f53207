"""Reads the output of a shard whole columns at a time.

A shard goes through only where the lines, the records and the answers are equally many, and every
id is that of the record in its place. Whatever is unusual is left to ``answers``, which reads the
same or says what is wrong: a value that does not fit costs its line, anything else the shard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from batch_transform.scoring.outputs.fetch import Fetched
from batch_transform.scoring.outputs.levelled import has_trailing_comma, levelled, usual_width
from batch_transform.scoring.outputs.paths import id_paths, joined_id_paths, prediction_paths
from batch_transform.scoring.outputs.replies import (
    Left,
    ShardWrong,
    is_batch_of_one,
    lines_of,
    parsed,
    width_problem,
)
from batch_transform.scoring.outputs.shape import Shape
from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.pipeline.replypath import Steps, json_path
from batch_transform.scoring.queries import literal

_BOM = b"\xef\xbb\xbf"  # DuckDB drops it; it is part of the first field
_SAMPLE = 100  # lines


class _TooUnusual(Exception):
    """The shard is to be read a line at a time."""


def stage_right(staged: Staged, files: Fetched, shape: Shape) -> Left | None:
    """Stage the rows of a shard whose values fit.

    Returns:
        The other lines; None, with no row staged, where the lines are not known to be those of the
        records.
    """
    if files.lines != files.shard.records or any(map(_has_bom, (files.sent, files.answered))):
        return None
    try:
        _read_sent(staged, files.sent, shape)
        width = _read_answered(staged, files, shape)
        same = [f"NOT contains(sent.i{n}, chr(0))" for n in range(shape.ids)]
        same += [f"sent.i{n} = answered.i{n}" for n in range(shape.ids) if shape.joined]
        (counts,) = staged.run("count_same", same=" AND ".join(same))
        if set(counts) != {files.shard.records}:
            return None
        ids = enumerate(staged.columns[: shape.ids])
        staged.add(
            "read_right",
            ids=", ".join(f"CAST(sent.i{n} AS {each.sql})" for n, each in ids),
            values=", ".join(f"answered.v{n}" for n in range(len(shape.predictions))),
        )
    except (duckdb.Error, ShardWrong, _TooUnusual):
        return None
    return Left([number for (number,) in staged.run("find_unfit")], width)


def _has_bom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_BOM)) == _BOM


@dataclass(frozen=True)
class _Reading:
    """How a file is read: the query, the columns or paths it takes, and the fields it gives."""

    query: str
    columns: str
    fields: Sequence[str]

    def into(self, staged: Staged, table: str, path: Path) -> None:
        """Make a table of a file."""
        fields = ", ".join(self.fields)
        staged.run(self.query, [str(path)], table=table, fields=fields, columns=self.columns)


def _csv(width: int, fields: Sequence[str]) -> _Reading:
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(width))
    return _Reading("read_csv", f"{{{columns}}}", fields)


def _json(paths: Sequence[Steps], fields: Sequence[str]) -> _Reading:
    return _Reading("read_json_lines", f"[{', '.join(map(_path, paths))}]", fields)


def _path(steps: Steps) -> str:
    return literal(json_path(steps))


def _read_sent(staged: Staged, path: Path, shape: Shape) -> None:
    first = parsed(next(lines_of(path), b""), 1, shape.sent)
    if shape.sent == "csv":
        reading = _csv(len(first), [_csv_id(n) for n in range(shape.ids)])
    else:
        ids = [f"texts[{n + 1}] AS i{n}" for n in range(shape.ids)]
        reading = _json(id_paths(first, shape), ids)
    reading.into(staged, "sent", path)


def _read_answered(staged: Staged, files: Fetched, shape: Shape) -> int:
    """Read the output; where DuckDB refuses it, a copy in which the lines are alike.

    Returns:
        How many fields its rows have; 0 where they are JSON.
    """
    path = files.answered
    width = usual_width(path) if shape.answered == "csv" else 0
    reading = _answered_csv(width, shape) if width else _answered_json(path, shape)
    try:
        if width and has_trailing_comma(path):
            raise duckdb.Error("a row may have more fields than it seems")
        reading.into(staged, "answered", path)
    except duckdb.Error:
        copy = path.with_suffix(".level")
        uneven = levelled(path, copy, width, shape)
        if 2 * len(uneven) >= files.lines:
            raise _TooUnusual from None
        reading.into(staged, "answered", copy)
        copy.unlink()
        staged.run("set_unfit", [list(uneven)])
    return width


def _answered_csv(width: int, shape: Shape) -> _Reading:
    if width_problem(width, shape):
        raise _TooUnusual
    ids = [_csv_id(n) for n in range(shape.ids)] if shape.joined else []
    predictions = shape.predictions.values()
    texts = [f"nullif(c{int(each.at) % width}, '')" for each in predictions]
    fits = [
        f"({text} IS NULL OR {_fits(text, each, shape.placeholder)})"
        if each.nullable
        else _fits(text, each, shape.placeholder)
        for text, each in zip(texts, predictions, strict=True)
    ]
    return _csv(width, [*ids, *_values(texts, shape), f"{' AND '.join(fits)} AS fits"])


def _answered_json(path: Path, shape: Shape) -> _Reading:
    first = _first_reply(path)
    ids = joined_id_paths(first, shape) if shape.joined else []
    is_batch = not shape.reply_is_list or is_batch_of_one(first, shape)
    if not shape.joined and isinstance(first, list) and is_batch:
        raise _TooUnusual
    paths = prediction_paths(shape)
    texts = [f"texts[{len(ids) + n + 1}]" for n in range(len(paths))]
    fits = [
        _json_fits(_fits(text, each, shape.placeholder), text, each, _path(steps))
        for text, each, steps in zip(texts, shape.predictions.values(), paths, strict=True)
    ]
    fields = [f"texts[{n + 1}] AS i{n}" for n in range(len(ids))]
    fields += [*_values(texts, shape), f"{' AND '.join(fits)} AS fits"]
    return _json([*ids, *paths], fields)


def _first_reply(path: Path) -> Any:
    for line in islice(lines_of(path), _SAMPLE):
        with suppress(ShardWrong):
            return parsed(line, 0, "jsonl")
    raise _TooUnusual


def _csv_id(number: int) -> str:
    return f"coalesce(c{number}, '') AS i{number}"


def _values(texts: Sequence[str], shape: Shape) -> list[str]:
    return [
        f"{TYPES[each.type].cast.format(text=text)} AS v{number}"
        for number, (text, each) in enumerate(zip(texts, shape.predictions.values(), strict=True))
    ]


def _fits(text: str, each: Prediction, placeholder: str | None) -> str:
    value = TYPES[each.type].cast.format(text=text)
    tests = [TYPES[each.type].fits.format(text=text, value=value)]
    if placeholder is not None:
        tests.append(f"{text} <> {literal(placeholder)}")
    whole = each.type == "bigint"
    if each.min is not None:
        tests.append(f"{value} >= {math.ceil(each.min) if whole else repr(each.min)}")
    if each.max is not None:
        tests.append(f"{value} <= {math.floor(each.max) if whole else repr(each.max)}")
    return f"coalesce({' AND '.join(tests)}, false)"


def _json_fits(fits: str, text: str, each: Prediction, path: str) -> str:
    if each.type == "text":
        fits = f"coalesce({fits} AND TRY(json_type(json, {path})) = 'VARCHAR', false)"
    if each.nullable:  # a path that leads nowhere is not a null
        exists = f"coalesce(TRY(json_exists(json, {path})), false)"
        return f"CASE WHEN {text} IS NULL THEN {exists} ELSE {fits} END"
    return fits
