"""Figures of a partition's predictions, kept in the ledger for the runs to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.pipeline.prediction_types import TYPES

BINS = 50


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Figures of one predicted column.

    Attributes:
        nulls: how many values are NULL.
        mean: of the others; None where there is none, or they are no numbers.
        varies: whether at least two of them differ.
        outside: how many are less than ``min`` or greater than ``max``.
        bins: how many lie in each equal part between ``min`` and ``max``; empty without them.
        low: the ``min`` of the bins.
        high: their ``max``.
    """

    nulls: int
    mean: float | None
    varies: bool
    outside: int = 0
    bins: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None

    def joined(self, other: Profile, values: tuple[int, int]) -> Profile:
        """Return the figures of two sets of rows together.

        Args:
            other: of the other rows.
            values: how many values, NULLs left out, this profile is of, and the other.
        """
        pairs = [
            (each.mean, count)
            for each, count in zip((self, other), values, strict=True)
            if each.mean is not None and count
        ]
        total = sum(count for _, count in pairs)
        same = (self.low, self.high) == (other.low, other.high)
        return replace(
            self,
            nulls=self.nulls + other.nulls,
            mean=sum(mean * count for mean, count in pairs) / total if total else None,
            varies=self.varies or other.varies or len({mean for mean, _ in pairs}) > 1,
            outside=self.outside + other.outside,
            bins=tuple(map(sum, zip(self.bins, other.bins, strict=True))) if same else self.bins,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as the ledger keeps it."""
        return {**asdict(self), "bins": list(self.bins)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Profile:
        """Read a profile from the ledger."""
        return cls(**{**content, "bins": tuple(content["bins"])})


def profiles(staged: Staged, predictions: Mapping[str, Prediction]) -> dict[str, Profile]:
    """Measure every predicted column of the stage."""
    first = len(staged.columns) - len(predictions)
    return {
        name: _profile(staged, f"s{first + number}", each)
        for number, (name, each) in enumerate(predictions.items())
    }


def _profile(staged: Staged, column: str, each: Prediction) -> Profile:
    mean_of = f"avg({column})" if TYPES[each.type].is_number else "NULL"
    tests = [f"{column} < {each.min!r}"] if each.min is not None else []
    tests += [f"{column} > {each.max!r}"] if each.max is not None else []
    ((nulls, mean, varies, outside),) = staged.run(
        "profile", column=column, mean=mean_of, outside=" OR ".join(tests) or "false"
    )
    figures = Profile(nulls=nulls, mean=mean, varies=varies, outside=outside)
    if each.min is None or each.max is None or each.min == each.max:
        return figures
    bins = histogram(staged, "staged", column, (each.min, each.max))
    return replace(figures, bins=bins, low=each.min, high=each.max)


def histogram(
    staged: Staged, relation: str, column: str, bounds: tuple[float, float]
) -> tuple[int, ...]:
    """Count the values of a column in each equal part between two bounds."""
    low, high = bounds
    counts = dict(
        staged.run(
            "histogram",
            relation=relation,
            column=column,
            min=repr(low),
            width=repr((high - low) / BINS),
            last=str(BINS - 1),
        )
    )
    return tuple(counts.get(number, 0) for number in range(BINS))
