"""Reads a shard and its output a line at a time: the definition of what is right.

Slow, and exact about what is wrong and where. ``fast`` reads what this reads without complaint,
and leaves every other shard, or line, to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_transform.scoring.extract.index import Shard
from batch_transform.scoring.outputs.coverage import Part
from batch_transform.scoring.outputs.id_proof import Identity, difference
from batch_transform.scoring.outputs.replies import (
    Miscounted,
    ShardWrong,
    Unreadable,
    lines_of,
    of_one_width,
    parsed,
    read_reply,
    unbatched,
)
from batch_transform.scoring.outputs.shape import ENGINE_INPUT, Shape
from batch_transform.scoring.outputs.values import typed
from batch_transform.scoring.pipeline import ENGINE_OUTPUT, Prediction
from batch_transform.scoring.pipeline.prediction_types import Unfit
from batch_transform.scoring.pipeline.replypath import reply_path


@dataclass(frozen=True, kw_only=True)
class Files:
    """A part and its output as plain, decompressed files.

    Attributes:
        part: which records they are.
        sent: the records.
        answered: the output.
        lines: how many lines the output has.
    """

    part: Part
    sent: Path
    answered: Path
    lines: int

    @property
    def shard(self) -> Shard:
        """The object that was sent."""
        return self.part.sent


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A record whose prediction is not what its column declares.

    Attributes:
        line: number of the record in the part, from 1.
        id: its id.
        reason: names the column and says why.
    """

    line: int
    id: Identity
    reason: str


Row = tuple[Identity, tuple[Any, ...]]
Pick = Callable[[Any], tuple[Any, ...]]  # takes the values out of a reply, or raises Unfit


def read_answers(files: Files, shape: Shape) -> Iterator[Row | Misfit]:
    """Yield for each record its id and predictions, or why these do not fit.

    Raises:
        ShardWrong: before the first record: counts or ids differ, or a line cannot be read.
    """
    sent = [_sent_id(line, shape) for line in lines_of(files.sent)]
    replies = [
        read_reply(line, number, shape)
        for number, line in enumerate(lines_of(files.answered), start=1)
    ]
    if shape.answered == "csv":
        replies = of_one_width(replies, shape)
    elif not shape.joined:
        replies = unbatched(replies, len(sent), shape)
    _check_counts(files.shard, sent, replies, shape)
    return _rows(sent, replies, shape)


def read_lines(files: Files, shape: Shape, numbers: Sequence[int]) -> Iterator[Row | Misfit]:
    """Yield the same for some lines alone, where each line is known to be its record's.

    Args:
        files: the part and its output.
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
            reply = read_reply(answered, number, shape)
            yield _row(number, _sent_id(sent, shape), reply, pick)
            wanted = next(coming, 0)


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


def _check_counts(shard: Shard, sent: list[Identity], replies: list[Any], shape: Shape) -> None:
    if len(sent) != shard.records:
        raise ShardWrong(f"it has {len(sent)} lines in S3, but the extract wrote {shard.records}")
    problem = None
    if shape.joined:
        found = [_found_id(reply, n, shape) for n, reply in enumerate(replies, start=1)]
        problem = difference(sent, found)
    if len(replies) != len(sent):
        counts = f"it has {len(sent)} records, but its output has {len(replies)}"
        raise Miscounted(f"{counts}: {problem}" if problem else counts)
    if problem:
        raise ShardWrong(problem)


def _found_id(answer: Any, number: int, shape: Shape) -> Identity:
    if shape.answered == "csv":
        fields = answer.fields if isinstance(answer, Unreadable) else answer
        return tuple(fields[: shape.ids])
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


def _rows(sent: list[Identity], replies: list[Any], shape: Shape) -> Iterator[Row | Misfit]:
    pick = _values(shape)
    for number, (identity, reply) in enumerate(zip(sent, replies, strict=True), start=1):
        yield _row(number, identity, reply, pick)


def _row(number: int, identity: Identity, reply: Any, pick: Pick) -> Row | Misfit:
    try:
        if isinstance(reply, Unreadable):
            raise Unfit(reply.reason)
        return identity, pick(reply)
    except Unfit as error:
        return Misfit(line=number, id=identity, reason=str(error))


def _values(shape: Shape) -> Pick:
    return _csv_values(shape) if shape.answered == "csv" else _json_values(shape)


def _csv_values(shape: Shape) -> Pick:
    return lambda row: tuple(
        typed(name, _no_placeholder(row[int(each.at)], shape) or None, each)
        for name, each in shape.predictions.items()
    )


def _no_placeholder(value: Any, shape: Shape) -> Any:
    if shape.placeholder is not None and value == shape.placeholder:
        raise Unfit(f"the model answered {value!r}, its word for a record it cannot score")
    return value


def _json_values(shape: Shape) -> Pick:
    places = list(zip(shape.predictions.items(), reply_steps(shape), strict=True))

    def pick(reply: Any) -> tuple[Any, ...]:
        joined = shape.joined and isinstance(reply, dict)
        _no_placeholder(reply.get(ENGINE_OUTPUT) if joined else reply, shape)
        return tuple(
            typed(name, _no_placeholder(_json_value(reply, name, each, steps), shape), each)
            for (name, each), steps in places
        )

    return pick


def _json_value(reply: Any, name: str, each: Prediction, steps: Sequence[str | int]) -> Any:
    try:
        return _at(reply, steps)
    except Unfit as error:
        raise Unfit(f"{name} is not at {each.at}: {error}") from None
