"""A prediction's distribution beside those of the last partitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batch_transform.scoring.publish.judge import stability_index
from batch_transform.scoring.publish.profile import Profile
from batch_transform.scoring.reports.report import Past, Predicted
from batch_transform.scoring.warehouse.ledger import Entry


def predicted(entry: Entry, history: Sequence[Entry]) -> Iterator[Predicted]:
    """Yield the figures of each predicted column of a load.

    Args:
        entry: of the load.
        history: of the partitions before it, latest first.
    """
    for name, content in entry.profile.items():
        now = Profile.from_dict(content)
        earlier = [
            (each, Profile.from_dict(each.profile[name]))
            for each in history
            if name in each.profile
        ]
        same = [profile for _, profile in earlier if _has_bins_of(profile, now)]
        bins_before = tuple(map(sum, zip(*(profile.bins for profile in same), strict=True)))
        yield Predicted(
            name=name,
            mean=now.mean,
            nulls=now.nulls,
            outside=now.outside,
            low=now.low,
            high=now.high,
            bins=now.bins,
            bins_before=bins_before,
            drift=_drift(bins_before, now.bins),
            before=tuple(
                Past(partition=each.partition, rows=each.rows, mean=profile.mean)
                for each, profile in earlier
            ),
        )


def _has_bins_of(profile: Profile, other: Profile) -> bool:
    bounds = (profile.low, profile.high, len(profile.bins))
    return bounds == (other.low, other.high, len(other.bins))


def _drift(before: Sequence[int], now: Sequence[int]) -> float | None:
    return stability_index(before, now) if sum(before) and sum(now) else None
