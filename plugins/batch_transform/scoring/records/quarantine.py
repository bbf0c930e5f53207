"""Records without a prediction, kept with the reason until somebody sends them again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator

from batch_transform.scoring.frozen import Frozen

FILE_NAME = "records.jsonl"
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def writable(text: str) -> str:
    """Replace what neither UTF-8 nor a database holds: half a surrogate pair, and NUL."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class Quarantined(Frozen):
    """A record without a prediction.

    Attributes:
        id: the parts of its id, as texts.
        shard: name of the extract's shard.
        line: its number in that shard, from 1.
        status: HTTP status that the model answered; empty where that is not why.
        reason: what the model said, or what is wrong with its answer; whatever characters a
            container writes, it can be stored.
        record: the line as it was sent.
    """

    id: tuple[str, ...]
    shard: str
    line: int
    status: str = ""
    reason: Annotated[str, AfterValidator(writable)]
    record: str

    def __str__(self) -> str:
        return f"{self.shard}, line {self.line}, id {shown(self.id)}: {self.reason}"


def shown(identity: Sequence[str]) -> str:
    """Spell an id for a message: ``17``, or ``(EU, 17)`` where it has several parts."""
    parts = ", ".join(identity)
    return parts if len(identity) == 1 else f"({parts})"


def to_json_lines(records: Iterable[Quarantined]) -> bytes:
    """Return a line for each record: its id, shard, line, status, reason, and itself."""
    return "".join(f"{each.model_dump_json()}\n" for each in records).encode()


def from_json_lines(body: bytes) -> list[Quarantined]:
    """Read the records back."""
    return [Quarantined.from_json(line) for line in body.splitlines()]
