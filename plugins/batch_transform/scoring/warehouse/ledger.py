"""The ledger: what each load put into a target, written in the same step as the rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

_LONGEST_NAME = 63


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One load of one partition.

    Attributes:
        pipeline: name of the pipeline.
        partition: the partition's day.
        digest: equal for loads of the same outputs into the same columns.
        run_id: the DAG run that loaded.
        job_name: the transform job whose outputs these are; empty where there was none.
        model: name of the model; empty where there was no job.
        source_rows: rows that the source gave.
        oversized: those kept out of the shards.
        records: records sent to the model.
        quarantined: records without a fit prediction.
        quarantine: URI of those records and why; empty where there are none.
        rows: rows in the target.
        loaded_at: when the rows were ready, before the swap.
        transform_jobs: how many jobs it took, those that sent records again included.
        instance_type: of the transform jobs: with the next two, what they cost.
        instance_count: of the transform jobs.
        transform_seconds: from start to end of all jobs together; None where that is unknown.
        profile: each predicted column's figures, see ``publish.profile.Profile``.
        findings: what the checks before publishing said.
        snapshot_at: when the latest extract that gave these rows read its source; None where an
            earlier version of this package loaded them.
    """

    pipeline: str
    partition: date
    digest: str
    run_id: str
    job_name: str
    model: str
    source_rows: int
    oversized: int
    records: int
    quarantined: int
    rows: int
    loaded_at: datetime
    transform_jobs: int
    instance_type: str
    instance_count: int
    transform_seconds: float | None = None
    quarantine: str = ""
    profile: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    snapshot_at: datetime | None = None

    def to_json(self) -> bytes:
        """Return the entry as JSON, dates and times as ISO texts."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        return json.dumps(content, default=lambda value: value.isoformat(), indent=1).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Entry:
        """Read an entry back; what a later version of this package added is left out."""
        written = json.loads(body)
        content = {name: written[name] for name in COLUMNS if name in written}
        times = {
            name: datetime.fromisoformat(content[name]) for name in MOMENTS if content.get(name)
        }
        partition = date.fromisoformat(content["partition"])
        return cls(**{**content, "partition": partition, **times})


COLUMNS = tuple(each.name for each in fields(Entry))
MOMENTS = ("loaded_at", "snapshot_at")


def entry_of(values: Sequence[Any]) -> Entry:
    """Make an entry of the values of a ledger's row: texts of JSON, of dates, of moments in UTC."""
    content = dict(zip(COLUMNS, values, strict=True))
    for name in MOMENTS:
        if content[name] is not None:
            content[name] = datetime.fromisoformat(content[name]).replace(tzinfo=UTC)
    for name in ("profile", "findings"):
        content[name] = json.loads(content[name])
    content["partition"] = date.fromisoformat(content["partition"])
    return Entry(**content)


def ledger_of(table: str) -> str:
    """Name the ledger beside a table of Postgres."""
    return _beside(table, "batch_transform_ledger")


def quarantine_of(table: str) -> str:
    """Name the table beside it that holds what is in none of its rows."""
    return _beside(table, "batch_transform_quarantine")


def turn_of(table: str) -> str:
    """Name the table beside it by which loads take turns; two that share one wait, no more."""
    schema, dot, name = table.rpartition(".")
    return f"{schema}{dot}{f'batch_transform_turn_{name}'[:_LONGEST_NAME]}"


def _beside(table: str, name: str) -> str:
    schema, dot, _ = table.rpartition(".")
    return f"{schema}{dot}{name}"
