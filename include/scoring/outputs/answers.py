"""Reads a shard and its output a line at a time: the definition of what is right.

Slow, and exact about what is wrong and where. ``fast`` reads what this reads without complaint,
and leaves every other shard, or line, to it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.scoring.index import Shard
from include.scoring.outputs.ids import Identity, difference, shown
from include.scoring.outputs.shape import ENGINE_INPUT, Shape
from include.scoring.outputs.values import Unfit, typed
from include.scoring.replypath import reply_path
from include.scoring.spec import ENGINE_OUTPUT, Prediction

_LONGEST_FIELD = 1 << 30  # a record may have megabytes; Python's own limit is 128 KB
csv.field_size_limit(_LONGEST_FIELD)


class ShardWrong(Exception):
    """The output of one shard cannot be matched with its records; the message says how.

    Caught where the outputs of all shards are read, which reports every such shard at once.
    """


@dataclass(frozen=True, kw_only=True)
class Files:
    """A shard and its output as plain, decompressed files.

    Attributes:
        shard: what the index says of the shard.
        sent: the records.
        answered: the output.
        lines: how many lines the output has.
    """

    shard: Shard
    sent: Path
    answered: Path
    lines: int


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A record whose prediction is not what its column declares.

    Attributes:
        shard: name of the shard.
        line: number of the record in it, from 1.
        id: its id.
        reason: names the column and says why.
    """

    shard: str
    line: int
    id: Identity
    reason: str

    def __str__(self) -> str:
        return f"{self.shard}, line {self.line}, id {shown(self.id)}: {self.reason}"


Row = tuple[Identity, tuple[Any, ...]]
Pick = Callable[[Any], tuple[Any, ...]]  # takes the values out of a reply, or raises Unfit


def read_answers(files: Files, shape: Shape) -> Iterator[Row | Misfit]:
    """Yield for each record its id and predictions, or why these do not fit.

    Raises:
        ShardWrong: before the first record: counts or ids differ, or a line cannot be read.
    """
    sent = [_sent_id(line, shape) for line in lines_of(files.sent)]
    replies = [
        parsed(line, number, shape.answered)
        for number, line in enumerate(lines_of(files.answered), start=1)
    ]
    if shape.answered == "csv":
        _check_width(replies, shape)
    elif not shape.joined:
        replies = _unbatched(replies, len(sent), shape)
    _check_counts(files.shard, sent, replies, shape)
    return _rows(files.shard.name, sent, replies, shape)


def read_lines(files: Files, shape: Shape, numbers: Sequence[int]) -> Iterator[Row | Misfit]:
    """Yield the same for some lines alone, where each line is known to be its record's.

    Args:
        files: the shard and its output.
        shape: of their lines.
        numbers: of the lines, from 1, in their order.

    Raises:
        ShardWrong: one of them cannot be read.
    """
    pick, coming = _values(shape), iter(numbers)
    wanted = next(coming, 0)
    lines = zip(lines_of(files.sent), lines_of(files.answered), strict=True)
    for number, (sent, answered) in enumerate(lines, start=1):
        if number == wanted:
            reply = parsed(answered, number, shape.answered)
            place = (files.shard.name, number)
            yield _row(place, _sent_id(sent, shape), reply, pick)
            wanted = next(coming, 0)


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their line feeds; one at its very end ends no line."""
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")


def _sent_id(line: bytes, shape: Shape) -> Identity:
    record = parsed(line, 0, shape.sent)
    if shape.sent == "csv":
        return tuple(record[: shape.ids])
    return _id_at(record, id_steps(record, shape))


def id_steps(record: Any, shape: Shape) -> list[list[str | int]]:
    """Say where the ids lie in a JSON record, which may be an object, a list, or the id itself."""
    if isinstance(record, dict):
        return [[name] for name in shape.id_names]
    if isinstance(record, list):
        return [[place] for place in range(shape.ids)]
    return [[]]


def answered_id_steps(answer: Any, shape: Shape) -> list[list[str | int]]:
    """Say where the ids lie in a joined JSON line."""
    if isinstance(answer, dict) and ENGINE_INPUT in answer:
        return [[ENGINE_INPUT, *steps] for steps in id_steps(answer[ENGINE_INPUT], shape)]
    return [[name] for name in shape.id_names]


def reply_steps(shape: Shape) -> list[list[str | int]]:
    """Say where the predictions lie in a JSON line."""
    start = [ENGINE_OUTPUT] if shape.joined else []
    return [[*start, *reply_path(str(each.at))] for each in shape.predictions.values()]


def parsed(line: bytes, number: int, form: str) -> Any:
    """Read a line: the fields of a CSV row, or a JSON value.

    Raises:
        ShardWrong: it is neither; names the line by its ``number``.
    """
    try:
        text = line.decode()
        if form == "csv":
            return next(csv.reader([text], strict=True), []) or [""]
        return json.loads(text, object_pairs_hook=_first_of_each)
    except (ValueError, csv.Error, RecursionError) as error:
        raise ShardWrong(f"line {number} cannot be read as {form}: {error}") from error


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keep the first of equal keys: as the fast reader does, where Python keeps the last."""
    return dict(reversed(pairs))


def _check_width(rows: Sequence[Sequence[str]], shape: Shape) -> None:
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise ShardWrong(
                f"line {number} has {len(row)} fields, but the first line has {len(rows[0])}"
            )
    if rows:
        problem = width_problem(len(rows[0]), shape)
        if problem:
            raise ShardWrong(problem)


def width_problem(width: int, shape: Shape) -> str | None:
    """Say which prediction does not lie behind the record's own fields; None where all do."""
    first = len(shape.columns) if shape.whole else shape.ids
    start = first if shape.joined else 0
    for name, each in shape.predictions.items():
        place = int(each.at) + (width if int(each.at) < 0 else 0)
        if not start <= place < width:
            return (
                f"a row has {width} fields, of which {start} are the record's, so {name} is not"
                f" at {each.at}; compare the model's reply with predictions in pipeline.yaml"
            )
    return None


def _unbatched(replies: list[Any], records: int, shape: Shape) -> list[Any]:
    """Take lists apart that hold the replies to a batch, where the counts prove that they do."""
    if not all(isinstance(reply, list) for reply in replies):
        return replies
    if len(replies) == records and shape.reply_is_list:
        return replies
    total = sum(len(reply) for reply in replies)
    if total == records:
        return [each for reply in replies for each in reply]
    if len(replies) == records:
        return replies
    raise ShardWrong(
        f"it has {records} records, but its output has {len(replies)} lists with {total} entries:"
        " neither one list to a record, nor one entry"
    )


def _check_counts(shard: Shard, sent: list[Identity], replies: list[Any], shape: Shape) -> None:
    if len(sent) != shard.records:
        raise ShardWrong(f"it has {len(sent)} lines in S3, but the extract wrote {shard.records}")
    problem = None
    if shape.joined:
        found = [_found_id(reply, n, shape) for n, reply in enumerate(replies, start=1)]
        problem = difference(sent, found)
    if len(replies) != len(sent):
        counts = f"it has {len(sent)} records, but its output has {len(replies)}"
        raise ShardWrong(f"{counts}: {problem}" if problem else counts)
    if problem:
        raise ShardWrong(problem)


def _found_id(answer: Any, number: int, shape: Shape) -> Identity:
    if shape.answered == "csv":
        return tuple(answer[: shape.ids])
    try:
        return _id_at(answer, answered_id_steps(answer, shape))
    except Unfit as error:
        raise ShardWrong(
            f"line {number}: there is no id, since {error}; keep the ids in OutputFilter, or use"
            " transform.join: line"
        ) from error


def _id_at(value: Any, places: Sequence[Sequence[str | int]]) -> Identity:
    parts = [_at(value, steps) for steps in places]
    return tuple(part if isinstance(part, str) else json.dumps(part) for part in parts)


def _at(value: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (LookupError, TypeError):
            raise Unfit(f"there is no {step!r} in the {type(value).__name__}") from None
    return value


def _rows(
    name: str, sent: list[Identity], replies: list[Any], shape: Shape
) -> Iterator[Row | Misfit]:
    pick = _values(shape)
    for number, (identity, reply) in enumerate(zip(sent, replies, strict=True), start=1):
        yield _row((name, number), identity, reply, pick)


def _row(place: tuple[str, int], identity: Identity, reply: Any, pick: Pick) -> Row | Misfit:
    try:
        return identity, pick(reply)
    except Unfit as error:
        return Misfit(shard=place[0], line=place[1], id=identity, reason=str(error))


def _values(shape: Shape) -> Pick:
    return _csv_values(shape) if shape.answered == "csv" else _json_values(shape)


def _csv_values(shape: Shape) -> Pick:
    return lambda row: tuple(
        typed(name, row[int(each.at)] or None, each) for name, each in shape.predictions.items()
    )


def _json_values(shape: Shape) -> Pick:
    places = list(zip(shape.predictions.items(), reply_steps(shape), strict=True))

    def pick(reply: Any) -> tuple[Any, ...]:
        return tuple(_json_value(reply, name, each, steps) for (name, each), steps in places)

    return pick


def _json_value(reply: Any, name: str, each: Prediction, steps: Sequence[str | int]) -> Any:
    try:
        value = _at(reply, steps)
    except Unfit as error:
        raise Unfit(f"{name} is not at {each.at}: {error}") from None
    return typed(name, value, each)
