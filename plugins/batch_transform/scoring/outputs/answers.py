"""Reads a shard and its output a line at a time: the definition of what is right.

Slow, and exact about what is wrong and where. ``fast`` reads what this reads without complaint,
and leaves every other shard, or line, to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.extract.index import Shard
from batch_transform.scoring.outputs.fetch import Fetched
from batch_transform.scoring.outputs.id_proof import IdTexts, difference
from batch_transform.scoring.outputs.paths import (
    id_paths,
    joined_id_paths,
    prediction_paths,
    value_at,
)
from batch_transform.scoring.outputs.replies import (
    BadReply,
    Left,
    Miscounted,
    ShardWrong,
    lines_of,
    of_one_record,
    of_one_width,
    of_width,
    parsed,
    read_reply,
    unbatched,
)
from batch_transform.scoring.outputs.shape import Shape
from batch_transform.scoring.outputs.typed import typed
from batch_transform.scoring.pipeline import ENGINE_OUTPUT
from batch_transform.scoring.pipeline.prediction_types import Unfit
from batch_transform.scoring.pipeline.replypath import Steps


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A record whose prediction is not what its column declares.

    Attributes:
        line: number of the record in the part, from 1.
        id: its id.
        reason: names the column and says why.
    """

    line: int
    id: IdTexts
    reason: str


Row = tuple[IdTexts, tuple[Any, ...]]
Pick = Callable[[Any], tuple[Any, ...]]  # takes the values out of a reply, or raises Unfit


def read_answers(files: Fetched, shape: Shape) -> Iterator[Row | Misfit]:
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
    pick = _values(shape)
    pairs = enumerate(zip(sent, replies, strict=True), start=1)
    return (_row(number, record_id, reply, pick) for number, (record_id, reply) in pairs)


def read_lines(files: Fetched, shape: Shape, left: Left) -> Iterator[Row | Misfit]:
    """Yield the same for some lines alone, where each line is known to be its record's.

    Args:
        files: the part and its output.
        shape: of their lines.
        left: which lines.

    Raises:
        ShardWrong: one of them cannot be read.
    """
    pick, chosen = _values(shape), frozenset(left.lines)
    lines = zip(lines_of(files.sent), lines_of(files.answered), strict=True)
    for number, (sent, answered) in enumerate(lines, start=1):
        if number in chosen:
            reply = read_reply(answered, number, shape)
            if left.width:
                reply = of_width(reply, left.width)
            elif not shape.joined:
                reply = of_one_record(reply, shape)
            yield _row(number, _sent_id(sent, shape), reply, pick)


def _sent_id(line: bytes, shape: Shape) -> IdTexts:
    record = parsed(line, 0, shape.sent)
    if shape.sent == "csv":
        return tuple(record[: shape.ids])
    return _id_at(record, id_paths(record, shape))


def _check_counts(shard: Shard, sent: list[IdTexts], replies: list[Any], shape: Shape) -> None:
    if len(sent) != shard.records:
        raise ShardWrong(f"it has {len(sent)} lines in S3, but the extract wrote {shard.records}")
    problem = None
    if shape.joined:
        returned = [_joined_id(reply, n, shape) for n, reply in enumerate(replies, start=1)]
        problem = difference(sent, returned)
    if len(replies) != len(sent):
        counts = f"it has {len(sent)} records, but its output has {len(replies)}"
        raise Miscounted(f"{counts}: {problem}" if problem else counts)
    if problem:
        raise ShardWrong(problem)


def _joined_id(answer: Any, number: int, shape: Shape) -> IdTexts:
    if shape.answered == "csv":
        fields = answer.fields if isinstance(answer, BadReply) else answer
        return tuple(fields[: shape.ids])
    try:
        return _id_at(answer, joined_id_paths(answer, shape))
    except Unfit as error:
        raise ShardWrong(
            f"line {number}: there is no id, since {error}; keep the ids in OutputFilter, or use"
            " transform.join: line"
        ) from error


def _id_at(value: Any, paths: Sequence[Steps]) -> IdTexts:
    parts = [value_at(value, steps) for steps in paths]
    return tuple(part if isinstance(part, str) else json.dumps(part) for part in parts)


def _row(number: int, record_id: IdTexts, reply: Any, pick: Pick) -> Row | Misfit:
    try:
        if isinstance(reply, BadReply):
            raise Unfit(reply.reason)
        return record_id, pick(reply)
    except Unfit as error:
        return Misfit(line=number, id=record_id, reason=str(error))


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
    paths = list(zip(shape.predictions.items(), prediction_paths(shape), strict=True))

    def value(reply: Any, name: str, steps: Steps) -> Any:
        try:
            return value_at(reply, steps)
        except Unfit as error:
            raise Unfit(f"{name} is not at {shape.predictions[name].at}: {error}") from None

    def pick(reply: Any) -> tuple[Any, ...]:
        _no_placeholder(reply.get(ENGINE_OUTPUT) if shape.joined else reply, shape)
        return tuple(
            typed(name, _no_placeholder(value(reply, name, steps), shape), each)
            for (name, each), steps in paths
        )

    return pick
