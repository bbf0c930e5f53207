"""What a search has found, for people: a table, and the lines of pipeline.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.planning.effort import usd
from batch_transform.scoring.tuning.trial import Seen, Trial


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a search has found.

    Attributes:
        seen: all that was measured.
        best: the settings to take.
        startup: seconds of a job before its first record.
        records: of a whole partition; None where nobody knows.
        instances: how many a job runs on.
        prices: USD for an instance hour, by instance type.
        used_minutes: instance minutes of the trials.
        is_complete: whether the budget has sufficed.
    """

    seen: tuple[Seen, ...]
    best: Trial
    startup: float
    records: int | None
    instances: int
    prices: Mapping[str, float]
    used_minutes: float
    is_complete: bool

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each trial, the best first."""
        return sorted(map(self._row, self.seen), key=lambda row: -row["records_per_second"])

    def _row(self, seen: Seen) -> dict[str, Any]:
        speed = seen.speed(self.startup)
        seconds = self._seconds(speed)
        price = self.prices.get(seen.trial.instance_type)
        paid = None if seconds is None or price is None else seconds * self.instances * price / 3600
        return {
            "instance_type": seen.trial.instance_type,
            "strategy": seen.trial.strategy,
            "max_payload_mb": seen.trial.max_payload_mb,
            "max_concurrent_transforms": seen.trial.max_concurrent_transforms,
            "records_per_second": round(speed, 2),
            "seconds": None if seconds is None else round(seconds, 1),
            "cost": paid,
            "problem": seen.problem,
        }

    def _seconds(self, speed: float) -> float | None:
        """Return how long a whole partition takes; None where nobody knows."""
        if self.records is None or not speed:
            return None
        return self.startup + self.records / (speed * self.instances)

    def lines(self) -> Iterator[str]:
        """Yield the table, and what to write into pipeline.yaml."""
        head = ("type", "strategy", "MB", "at once", "records/s", "partition", "USD", "")
        yield _aligned(head)
        for row in self.rows():
            yield _aligned(_shown(row))
        yield (
            f"The container takes {self.startup:.1f} s to start; {self.used_minutes:.1f} instance"
            " minutes were used."
        )
        if not self.is_complete:
            yield "The budget was used up before the search was over; with more it goes on."
        yield "pipeline.yaml:"
        yield from self.setting_lines()

    def setting_lines(self) -> Iterator[str]:
        """Yield the recommended lines of pipeline.yaml."""
        yield "transform:"
        yield f"  instance_type: {self.best.instance_type}"
        yield f"  strategy: {self.best.strategy}"
        yield f"  max_concurrent_transforms: {self.best.max_concurrent_transforms}"
        yield f"  max_payload_mb: {self.best.max_payload_mb}"


def _shown(row: Mapping[str, Any]) -> tuple[str, ...]:
    seconds, cost = row["seconds"], row["cost"]
    return (
        row["instance_type"],
        row["strategy"],
        str(row["max_payload_mb"]),
        str(row["max_concurrent_transforms"]),
        f"{row['records_per_second']:g}",
        "" if seconds is None else f"{seconds:.0f} s",
        "" if cost is None else usd(cost),
        row["problem"].partition("\n")[0][:80],
    )


def _aligned(cells: tuple[str, ...]) -> str:
    widths = (14, 12, 3, 7, 10, 10, 7, 0)
    return "  ".join(each.ljust(width) for each, width in zip(cells, widths, strict=True)).rstrip()
