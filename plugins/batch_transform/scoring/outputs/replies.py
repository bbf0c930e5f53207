"""The lines of an output one by one: as replies, or with the reason why there is none."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_transform.scoring.outputs.paths import prediction_paths, value_at
from batch_transform.scoring.outputs.shape import Shape
from batch_transform.scoring.pipeline.prediction_types import Unfit
from batch_transform.scoring.pipeline.replypath import Steps
from batch_transform.scoring.records.csvfields import csv_fields


class ShardWrong(Exception):
    """The output of one shard cannot be matched with its records; the message says how.

    Caught where the outputs of all shards are read, which reports every such shard at once.
    """


class Miscounted(ShardWrong):
    """Answer and record counts differ, so answers cannot be attributed to records."""


@dataclass(frozen=True)
class BadReply:
    """An answer that cannot be read, and the fields that can."""

    reason: str
    fields: Sequence[str] = ()


@dataclass(frozen=True)
class Left:
    """Lines of an output that are to be read one by one.

    Attributes:
        lines: their numbers, from 1, in their order.
        width: fields that a row of the output has; 0 where lines are JSON.
    """

    lines: Sequence[int]
    width: int


def read_reply(line: bytes, number: int, shape: Shape) -> Any:
    """Read an answer. If SageMaker joined the line, an unreadable line fails the shard."""
    try:
        return parsed(line, number, shape.answered)
    except ShardWrong as error:
        if shape.joined:
            raise
        return BadReply(str(error))


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their line feeds; one at its very end ends no line."""
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")


def parsed(line: bytes, number: int, form: str) -> Any:
    """Read a line: the fields of a CSV row, or a JSON value.

    Raises:
        ShardWrong: it is neither; names the line by its ``number``.
    """
    try:
        text = line.decode()
        if form == "csv":
            return _fields(text)
        return json.loads(text, object_pairs_hook=_first_of_each)
    except (ValueError, csv.Error, RecursionError) as error:
        raise ShardWrong(f"line {number} cannot be read as {form}: {error}") from error


def _fields(text: str) -> list[str]:
    """Read a CSV row; Python's reader refuses fields above a limit, which is the process's."""
    if len(text) <= csv.field_size_limit():
        return next(csv.reader([text], strict=True), []) or [""]
    if text.count('"') % 2:
        raise ValueError("unexpected end of data")
    return csv_fields(text)


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keep the first of equal keys: as the fast reader does, where Python keeps the last."""
    return dict(reversed(pairs))


def of_one_width(rows: list[Any], shape: Shape) -> list[Any]:
    """Hold rows to the width that most of them have; a model may answer a word for a row."""
    widths = Counter(len(row) for row in rows if not isinstance(row, BadReply))
    if not widths:
        return rows
    width = max(widths, key=widths.__getitem__)
    problem = width_problem(width, shape)
    if problem:
        raise ShardWrong(problem)
    return [of_width(row, width) for row in rows]


def of_width(row: Any, width: int) -> Any:
    """Return a row that has this width, or say that it has another."""
    if isinstance(row, BadReply) or len(row) == width:
        return row
    return BadReply(f"the answer has {len(row)} fields, but others have {width}", row)


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


def unbatched(replies: list[Any], records: int, shape: Shape) -> list[Any]:
    """Take lists apart that hold the replies to a batch, where the counts prove that they do.

    A batch has at least one record: as many replies as records are replies to one record each.
    """
    if len(replies) == records:
        return [of_one_record(reply, shape) for reply in replies]
    if not all(isinstance(reply, list) for reply in replies):
        return replies
    total = sum(len(reply) for reply in replies)
    if total == records and all(replies):
        return [each for reply in replies for each in reply]
    raise Miscounted(
        f"it has {records} records, but its output has {len(replies)} lists with {total} entries:"
        " neither one list to a record, nor one entry"
    )


def of_one_record(reply: Any, shape: Shape) -> Any:
    """Return the reply to one record, also where it comes as a batch of one."""
    is_list_of_one = isinstance(reply, list) and len(reply) == 1
    if is_list_of_one and (not shape.reply_is_list or is_batch_of_one(reply, shape)):
        return reply[0]
    return reply


def is_batch_of_one(reply: Any, shape: Shape) -> bool:
    """Tell a list with the one reply to a batch of one record from a reply that is a list itself.

    A model that answers a batch with ``[[0.1], [0.2]]`` answers one record with ``[[0.1]]``.
    """
    if not isinstance(reply, list) or len(reply) != 1 or not isinstance(reply[0], list):
        return False
    return any(_is_no_value(reply, steps) for steps in prediction_paths(shape))


def _is_no_value(reply: Any, steps: Steps) -> bool:
    try:
        return isinstance(value_at(reply, steps), list)
    except Unfit:
        return True
