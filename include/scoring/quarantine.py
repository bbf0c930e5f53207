"""Records without a prediction, kept with the reason until somebody sends them again."""

from __future__ import annotations

from collections.abc import Iterable

from include.scoring.outputs.coverage import Quarantined

FILE_NAME = "records.jsonl"


def to_json_lines(records: Iterable[Quarantined]) -> bytes:
    """Return a line for each record: its id, shard, line, status, reason, and itself."""
    return "".join(f"{each.model_dump_json()}\n" for each in records).encode()


def from_json_lines(body: bytes) -> list[Quarantined]:
    """Read the records back."""
    return [Quarantined.model_validate_json(line) for line in body.splitlines()]
