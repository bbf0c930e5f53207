"""Judges a partition before it is published: by its own figures, and beside the last runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batch_transform.scoring.pipeline.checks import Checks, Level
from batch_transform.scoring.publish.profile import Profile
from batch_transform.scoring.warehouse.ledger import Entry

_GROUPS = 10  # deciles: what population stability is customarily measured on
_LEAST_SHARE = 1e-4  # an empty group would make the index infinite


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A check that failed.

    Attributes:
        check: name of the check, with its column.
        level: ``warn`` or ``block``.
        facts: what was measured, and what was allowed.
    """

    check: str
    level: Level
    facts: str

    def __str__(self) -> str:
        return f"{self.check}: {self.facts}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the checks look at.

    Attributes:
        rows: rows ready for the target.
        profiles: figures of each predicted column.
        history: entries of the partitions before this one, latest first.
    """

    rows: int
    profiles: Mapping[str, Profile]
    history: Sequence[Entry]


def judge(checks: Checks, measured: Measured) -> list[Finding]:
    """Return the checks that failed; those that are off are not among them."""
    findings = list(_row_count(checks, measured))
    for name, profile in measured.profiles.items():
        findings += _bounds(checks, name, profile, measured.rows)
        findings += _null_share(checks, name, profile, measured.rows)
        findings += _mean(checks, name, profile)
        findings += _constant(checks, name, profile, measured.rows)
        findings += _stability(checks, name, profile, measured)
    return [finding for finding in findings if finding.level != "off"]


def history_needed(checks: Checks) -> int:
    """Return how many partitions the checks look back."""
    return max(checks.row_count.runs, checks.stability.runs)


def stability_index(expected: Sequence[int], found: Sequence[int]) -> float:
    """Return the population stability index of two histograms with the same bins.

    Bins are joined to groups of about a tenth of what was expected each.

    Args:
        expected: counts of the last runs.
        found: counts of this one.
    """
    groups = list(_groups(expected))
    before = [sum(expected[start:end]) / sum(expected) for start, end in groups]
    now = [sum(found[start:end]) / sum(found) for start, end in groups]
    pairs = [(max(a, _LEAST_SHARE), max(b, _LEAST_SHARE)) for a, b in zip(before, now, strict=True)]
    return sum((b - a) * math.log(b / a) for a, b in pairs)


def _groups(expected: Sequence[int]) -> Iterator[tuple[int, int]]:
    size, start, held = sum(expected) / _GROUPS, 0, 0
    for number, count in enumerate(expected):
        held += count
        if held >= size and number + 1 < len(expected):
            yield start, number + 1
            start, held = number + 1, 0
    yield start, len(expected)


def _row_count(checks: Checks, measured: Measured) -> Iterator[Finding]:
    check = checks.row_count
    counts = [entry.rows for entry in measured.history[: check.runs]]
    if not counts:
        return
    mean = sum(counts) / len(counts)
    if abs(measured.rows - mean) > check.tolerance * mean:
        yield Finding(
            check="row_count",
            level=check.level,
            facts=f"{measured.rows} rows; the last {len(counts)} partitions had {mean:.1f} on"
            f" average, and {check.tolerance:.1%} from it is allowed",
        )


def _bounds(checks: Checks, name: str, profile: Profile, rows: int) -> Iterator[Finding]:
    if profile.outside:
        yield Finding(
            check=f"bounds of {name}",
            level=checks.bounds.level,
            facts=f"{profile.outside} of {rows} values lie outside its min and max",
        )


def _null_share(checks: Checks, name: str, profile: Profile, rows: int) -> Iterator[Finding]:
    check = checks.null_share
    if rows and profile.nulls > check.leq_to * rows:
        yield Finding(
            check=f"null_share of {name}",
            level=check.level,
            facts=f"{profile.nulls / rows:.2%} of {rows} rows are NULL; {check.leq_to:.2%} are"
            " allowed",
        )


def _mean(checks: Checks, name: str, profile: Profile) -> Iterator[Finding]:
    check = checks.mean.get(name)
    if check is None or profile.mean is None:
        return
    low = -math.inf if check.geq_to is None else check.geq_to
    high = math.inf if check.leq_to is None else check.leq_to
    if not low <= profile.mean <= high:
        yield Finding(
            check=f"mean of {name}",
            level=check.level,
            facts=f"{profile.mean:.6g}; {low:g} to {high:g} is allowed",
        )


def _constant(checks: Checks, name: str, profile: Profile, rows: int) -> Iterator[Finding]:
    check = checks.constant
    if rows >= check.rows and not profile.varies:
        yield Finding(
            check=f"constant {name}",
            level=check.level,
            facts=f"the model answered all {rows} records alike",
        )


def _stability(
    checks: Checks, name: str, profile: Profile, measured: Measured
) -> Iterator[Finding]:
    check = checks.stability
    before = [
        found
        for entry in measured.history[: check.runs]
        if name in entry.profile
        and _comparable(found := Profile.from_dict(entry.profile[name]), profile)
    ]
    expected = [sum(counts) for counts in zip(*(each.bins for each in before), strict=True)]
    if min(sum(profile.bins), sum(expected)) < check.rows:
        return
    index = stability_index(expected, profile.bins)
    if index > check.leq_to:
        yield Finding(
            check=f"stability of {name}",
            level=check.level,
            facts=f"the stability index against the last {len(before)} partitions is {index:.3f};"
            f" {check.leq_to:g} is allowed",
        )


def _comparable(before: Profile, now: Profile) -> bool:
    return (before.low, before.high, len(before.bins)) == (now.low, now.high, len(now.bins))
