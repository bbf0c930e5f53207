"""Adds what quarantined records became, once they were sent again, to the load that lacks them.

The partition then holds the rows of both, and the ledger an entry that accounts for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from batch_transform.scoring.publish.profile import Profile
from batch_transform.scoring.warehouse.ledger import Entry


def together(measured: Mapping[str, Profile], new: Entry, before: Entry) -> dict[str, Profile]:
    """Return the figures of the rows before and the new ones together."""
    joined = dict(measured)
    for name in measured.keys() & before.profile.keys():
        profile, earlier = measured[name], Profile.from_dict(before.profile[name])
        values = new.rows - profile.nulls, before.rows - earlier.nulls
        joined[name] = profile.joined(earlier, values)
    return joined


def added(new: Entry, before: Entry, measured: Mapping[str, Profile]) -> Entry:
    """Return the entry of the partition with both."""
    return replace(
        new,
        source_rows=before.source_rows,
        oversized=before.oversized,
        records=before.records,
        rows=before.rows + new.rows,
        transform_jobs=before.transform_jobs + new.transform_jobs,
        snapshot_at=before.snapshot_at,
        transform_seconds=(before.transform_seconds or 0) + (new.transform_seconds or 0),
        profile={name: profile.to_dict() for name, profile in measured.items()},
    )
