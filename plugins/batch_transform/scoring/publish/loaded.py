"""What a load did, or would have done: told to people, and kept beside the run's objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from batch_transform.scoring.publish.compare import Comparison
from batch_transform.scoring.publish.judge import Finding
from batch_transform.scoring.warehouse.ledger import Entry


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a load did.

    Attributes:
        entry: of the load.
        changed: False where the partition held this very load already, or was not to be replaced.
        quarantined: records without a fit prediction.
        findings: checks that failed, yet did not keep the partition from being published.
        jobs: names of the transform jobs whose answers the rows are.
        unpublished: why the partition was not to be replaced; empty where it was.
        before: entry of the load that was in force; None where there was none.
        comparison: with the rows that were in force; None where there were none, or the same.
    """

    entry: Entry
    changed: bool
    quarantined: int
    findings: tuple[Finding, ...]
    jobs: tuple[str, ...] = ()
    unpublished: str = ""
    before: Entry | None = None
    comparison: Comparison | None = None

    @property
    def rows(self) -> int:
        """Rows that the partition holds now, or would."""
        return self.entry.rows

    @property
    def means(self) -> dict[str, float]:
        """The mean of each predicted number."""
        found = {name: profile.get("mean") for name, profile in self.entry.profile.items()}
        return {name: mean for name, mean in found.items() if mean is not None}

    @property
    def flips(self) -> dict[str, list[str]]:
        """Names of checks that fail now and did not, or did and do not any more.

        None where no load was in force: nothing was checked.
        """
        now = {finding.check for finding in self.findings}
        earlier = self.before.findings if self.before else now
        before = {text.partition(":")[0] for text in earlier}
        return {"fail_now": sorted(now - before), "failed_before": sorted(before - now)}

    @property
    def replaces(self) -> str:
        """The sentence about what the load replaces, or would; empty where that is nothing."""
        if self.comparison is None:
            return ""
        return f"{'would replace' if self.unpublished else 'replaces'} {self.comparison}"

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``loaded.json``."""
        return {
            "partition": self.entry.partition,
            "rows": self.rows,
            "replaced_rows": self.before.rows if self.before else 0,
            "published": not self.unpublished,
            "unpublished": self.unpublished,
            "changed": self.changed,
            "quarantined": self.quarantined,
            "jobs": list(self.jobs),
            "findings": [str(finding) for finding in self.findings],
            "flips": self.flips,
            "replaces": self.replaces,
            "comparison": asdict(self.comparison) if self.comparison else None,
            "entry": asdict(self.entry),
        }

    def to_json(self) -> bytes:
        """Return ``loaded.json``: dates and times as ISO texts."""
        text = json.dumps(self.to_dict(), indent=1, default=lambda value: value.isoformat())
        return f"{text}\n".encode()

    def lines(self) -> Iterator[str]:
        """Yield what a person reads of the comparison."""
        found = self.comparison
        if found is None:
            return
        yield self.replaces
        yield f"{found.gained:,} gained, {found.lost:,} lost, {found.changed:,} changed"
        if found.mean_change is not None:
            yield (
                f"{found.column} moved by {found.mean_change:.3g} on average where it changed, and"
                f" by {found.largest_change:.3g} at most; furthest:"
            )
        for moved in found.largest:
            record_id = ", ".join(map(str, moved.id))
            yield f"  {record_id}: {moved.before} → {moved.after}"
        for name, flipped in self.flips.items():
            if flipped:
                yield f"Checks that {name.replace('_', ' ')}: {', '.join(flipped)}"
