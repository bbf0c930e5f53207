"""Judges a partition before it is published: by its own figures, and beside the last runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.pipeline import checks as declared
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
        held: rows that the partition holds now.
    """

    rows: int
    profiles: Mapping[str, Profile]
    history: Sequence[Entry]
    held: int = 0


def judge(checks: Checks, measured: Measured) -> list[Finding]:
    """Return the checks that failed; those that are off are not among them."""
    return list(_failed(checks, measured))


def _failed(checks: Checks, measured: Measured) -> Iterator[Finding]:
    for name, look in _OF_PARTITIONS:
        check = getattr(checks, name)
        facts = look(check, measured) if check.level != "off" else None
        if facts:
            yield Finding(check=name, level=check.level, facts=facts)
    for name, profile in measured.profiles.items():
        column = _Column(name=name, profile=profile, measured=measured)
        for label, rule in _OF_COLUMNS:
            check = _setting(checks, label, name)
            facts = rule(check, column) if check and check.level != "off" else None
            if check and facts:
                yield Finding(check=f"{label} {name}", level=check.level, facts=facts)


def declared_checks(checks: Checks, columns: Iterable[str]) -> Iterator[tuple[str, Level]]:
    """Yield name and level of every check, those that are off included."""
    for name, _ in _OF_PARTITIONS:
        yield name, getattr(checks, name).level
    for column in columns:
        for label, _ in _OF_COLUMNS:
            check = _setting(checks, label, column)
            if check:
                yield f"{label} {column}", check.level


def _setting(checks: Checks, label: str, column: str) -> Any:
    """Return the setting of a check of a column; None where the column has none."""
    setting = getattr(checks, label.split()[0])
    return setting.get(column) if isinstance(setting, dict) else setting


def history_needed(checks: Checks) -> int:
    """Return how many partitions the checks look back."""
    return max(checks.row_count.runs, checks.stability.runs)


def stability_index(expected: Sequence[int], actual: Sequence[int]) -> float:
    """Return the population stability index of two histograms with the same bins.

    Bins are joined to groups of about a tenth of what was expected each.

    Args:
        expected: counts of the last runs.
        actual: counts of this one.
    """
    groups = list(_groups(expected))
    before = [sum(expected[start:end]) / sum(expected) for start, end in groups]
    now = [sum(actual[start:end]) / sum(actual) for start, end in groups]
    pairs = [(max(a, _LEAST_SHARE), max(b, _LEAST_SHARE)) for a, b in zip(before, now, strict=True)]
    return sum((b - a) * math.log(b / a) for a, b in pairs)


def _groups(expected: Sequence[int]) -> Iterator[tuple[int, int]]:
    size, start, held = sum(expected) / _GROUPS, 0, 0
    for end, count in enumerate(expected, start=1):
        held += count
        if held >= size:
            yield start, end
            start, held = end, 0
    yield start, len(expected)  # the rest, which may be nothing: that is no shift


@dataclass(frozen=True, kw_only=True)
class _Column:
    name: str
    profile: Profile
    measured: Measured


def _empty(_: declared.Empty, measured: Measured) -> str | None:
    before = [measured.held, *(entry.rows for entry in measured.history)]
    if measured.rows or not any(before):
        return None
    if measured.held:
        return f"there is no row, and the partition holds {measured.held}"
    return f"there is no row, and the last {len(measured.history)} partitions had some"


def _row_count(check: declared.RowCount, measured: Measured) -> str | None:
    counts = [entry.rows for entry in measured.history[: check.runs]]
    mean = sum(counts) / len(counts) if counts else measured.rows
    if abs(measured.rows - mean) <= check.tolerance * mean:
        return None
    return (
        f"{measured.rows} rows; the last {len(counts)} partitions had {mean:.1f} on average, and"
        f" {check.tolerance:.1%} from it is allowed"
    )


def _bounds(check: declared.Bounds, column: _Column) -> str | None:
    outside, rows = column.profile.outside, column.measured.rows
    return f"{outside} of {rows} values lie outside its min and max" if outside else None


def _null_share(check: declared.NullShare, column: _Column) -> str | None:
    nulls, rows = column.profile.nulls, column.measured.rows
    if nulls <= check.leq_to * rows:
        return None
    return f"{nulls / rows:.2%} of {rows} rows are NULL; {check.leq_to:.2%} are allowed"


def _mean(check: declared.Mean, column: _Column) -> str | None:
    mean = column.profile.mean
    low = -math.inf if check.geq_to is None else check.geq_to
    high = math.inf if check.leq_to is None else check.leq_to
    if mean is None or low <= mean <= high:
        return None
    return f"{mean:.6g}; {low:g} to {high:g} is allowed"


def _constant(check: declared.Constant, column: _Column) -> str | None:
    if column.profile.varies or column.measured.rows < check.rows:
        return None
    return f"the model answered all {column.measured.rows} records alike"


def _stability(check: declared.Stability, column: _Column) -> str | None:
    before = [
        profile
        for entry in column.measured.history[: check.runs]
        if column.name in entry.profile
        and _comparable(profile := Profile.from_dict(entry.profile[column.name]), column.profile)
    ]
    expected = [sum(counts) for counts in zip(*(each.bins for each in before), strict=True)]
    if min(sum(column.profile.bins), sum(expected)) < check.rows:
        return None
    index = stability_index(expected, column.profile.bins)
    if index <= check.leq_to:
        return None
    return (
        f"the stability index against the last {len(before)} partitions is {index:.3f};"
        f" {check.leq_to:g} is allowed"
    )


def _comparable(before: Profile, now: Profile) -> bool:
    return (before.low, before.high, len(before.bins)) == (now.low, now.high, len(now.bins))


_OF_PARTITIONS: tuple[tuple[str, Callable[[Any, Measured], str | None]], ...] = (
    ("empty", _empty),
    ("row_count", _row_count),
)
# The first word of each is its setting below ``checks``.
_OF_COLUMNS: tuple[tuple[str, Callable[[Any, _Column], str | None]], ...] = (
    ("bounds of", _bounds),
    ("null_share of", _null_share),
    ("mean of", _mean),
    ("constant", _constant),
    ("stability of", _stability),
)
