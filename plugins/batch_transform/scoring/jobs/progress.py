"""How far a transform job is. The service does not say; the outputs in S3 do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import RunLayout, S3Uri, output_name


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Shards and records whose output is there.

    Attributes:
        eta_seconds: what is left at the pace so far; None before the first output.
    """

    shards_done: int
    shards: int
    records_done: int
    records: int
    eta_seconds: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for an XCom."""
        return asdict(self)

    def __str__(self) -> str:
        text = (
            f"{self.shards_done} of {self.shards} shards,"
            f" {self.records_done} of {self.records} records"
        )
        if self.eta_seconds is None or self.shards_done == self.shards:
            return text
        return f"{text}, about {self.eta_seconds} s left"


def missing_outputs(index: ExtractIndex, objects: ObjectStore, prefix: S3Uri) -> list[str]:
    """List the shards that have no output anywhere below a prefix, found by base name."""
    found = _names_below(objects, prefix)
    return [shard.name for shard in index.shards if output_name(shard.name) not in found]


def has_inputs(index: ExtractIndex, objects: ObjectStore, layout: RunLayout) -> bool:
    """Tell whether manifest and shards still lie where a job reads them: a load reads them, too."""
    if not objects.has(layout.manifest):
        return False
    return _names_below(objects, layout.input).issuperset(shard.name for shard in index.shards)


def _names_below(objects: ObjectStore, prefix: S3Uri) -> set[str]:
    return {uri.key.rsplit("/", 1)[-1] for uri in objects.keys(prefix)}


def measure(
    index: ExtractIndex, missing: list[str], started: datetime | None, now: datetime
) -> Progress:
    """Compare outputs with the extract.

    Args:
        index: what was sent.
        missing: names of the shards without an output.
        started: when the instances began to work; None where they have not.
        now: when ``missing`` was listed.
    """
    without = frozenset(missing)
    left = sum(shard.records for shard in index.shards if shard.name in without)
    done = index.records - left
    eta = None
    if started is not None and done:
        eta = max(0, round((now - started).total_seconds() * left / done))
    return Progress(
        shards_done=len(index.shards) - len(missing),
        shards=len(index.shards),
        records_done=done,
        records=index.records,
        eta_seconds=eta,
    )
