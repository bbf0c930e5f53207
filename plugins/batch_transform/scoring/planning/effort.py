"""How long the transform jobs of a run will take, and what they will cost, after those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from batch_transform.scoring.pipeline import Transform
from batch_transform.scoring.warehouse.ledger import Entry

_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What the transform jobs of a run are expected to take.

    Attributes:
        seconds: from start to end, where all jobs may run at once.
        instance_hours: what is paid for.
        cost: USD; None where the instance type has no price.
        instance_type: what they run on.
        runs: how many runs before it this is concluded from.
    """

    seconds: float
    instance_hours: float
    cost: float | None
    instance_type: str
    runs: int

    def __str__(self) -> str:
        cost = "" if self.cost is None else f", {usd(self.cost)} USD"
        runs = "the last run" if self.runs == 1 else f"the last {self.runs} runs"
        return (
            f"about {self.seconds:.0f} s and {self.instance_hours:.3f} instance hours{cost}, after"
            f" {runs} on {self.instance_type}"
        )


def usd(amount: float) -> str:
    """Write an amount in cents, or in fractions of one where it is less."""
    is_small = 0 < amount < 0.01
    return f"{Decimal(f'{amount:.1g}'):f}" if is_small else f"{amount:,.2f}"


def effort(
    before: Sequence[Entry], records: int | None, transform: Transform, prices: Mapping[str, float]
) -> Effort | None:
    """Conclude from runs on the same instance type; None where there was none.

    No run is expected to take less than the quickest of them did: instances have to start.

    Args:
        before: entries of the ledger.
        records: how many there will be; None: as many as there mostly were.
        transform: what the jobs are to run on.
        prices: USD for an instance hour, by instance type.
    """
    kind = transform.kinds[0]
    alike = [(entry, paid) for entry in before if (paid := _paid(entry, kind))]
    if not alike:
        return None
    each = median(paid / entry.records for entry, paid in alike)
    expected = median(entry.records for entry, _ in alike) if records is None else records
    paid = max(each * expected, min(paid for _, paid in alike))
    price = prices.get(kind)
    return Effort(
        seconds=paid / (transform.instance_count * transform.jobs),
        instance_hours=paid / _HOUR,
        cost=None if price is None else price * paid / _HOUR,
        instance_type=kind,
        runs=len(alike),
    )


def _paid(entry: Entry, kind: str) -> float:
    """Return the instance seconds of a run on an instance type; 0 where they are unknown."""
    if entry.instance_type != kind or not entry.records:
        return 0
    return (entry.transform_seconds or 0) * entry.instance_count
