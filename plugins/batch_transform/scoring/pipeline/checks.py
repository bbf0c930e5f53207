"""Checks of a partition before it is published.

Conditions are spelled as those of Airflow's SQL check operators are: ``leq_to``, ``geq_to``,
``tolerance``.
https://airflow.apache.org/docs/apache-airflow-providers-common-sql/stable/operators.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from batch_transform.scoring.pipeline.fields import Integer, Number, Place, Section, Share

Level = Literal["warn", "block", "off"]
_Runs = Annotated[Integer, Field(ge=1, le=90)]


class RowCount(Section):
    """Rows beside the mean of the last runs.

    Attributes:
        level: what a failed check does.
        tolerance: how far from the mean is still right, as a share of it.
        runs: how many partitions before this one make the mean.
    """

    level: Level = "warn"
    tolerance: Share = 0.5
    runs: _Runs = 7


class Empty(Section):
    """No row where the partition holds some, or those before it do: have the data come?"""

    level: Level = "block"


class Bounds(Section):
    """What ``min`` and ``max`` of a prediction do: ``block`` makes a value outside unfit."""

    level: Level = "block"


class NullShare(Section):
    """Share of rows whose prediction is NULL; for nullable predictions."""

    level: Level = "warn"
    leq_to: Annotated[Share, Field(le=1)] = 0.05


class Mean(Section):
    """Bounds of a column's mean."""

    level: Level = "block"
    geq_to: Number | None = None
    leq_to: Number | None = None

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold the bounds to a range."""
        if self.geq_to is None and self.leq_to is None:
            if self.level != "off":
                yield (), "a mean is held to geq_to, leq_to, or both"
        elif self.geq_to is not None and self.leq_to is not None and self.geq_to > self.leq_to:
            yield ("geq_to",), f"is {self.geq_to}, above leq_to, which is {self.leq_to}"


class Constant(Section):
    """A model that answers every record alike, where there are at least ``rows`` of them."""

    level: Level = "warn"
    rows: Annotated[Integer, Field(ge=2)] = 20


class Stability(Section):
    """Population stability index of a score against the last runs together.

    Below 0.1 is usually read as stable and above 0.25 as shifted. For predictions with ``min`` and
    ``max``, and partitions of at least ``rows`` rows.
    """

    level: Level = "warn"
    leq_to: Annotated[Number, Field(gt=0)] = 0.25
    runs: _Runs = 7
    rows: Annotated[Integer, Field(ge=1)] = 500


class Checks(Section):
    """All checks.

    ``warn`` publishes and says so, ``block`` does not publish, ``off`` does not look.

    Attributes:
        empty: of the partition.
        row_count: of the partition.
        bounds: of each prediction with ``min`` or ``max``.
        null_share: of each prediction.
        mean: of the predictions named, each with bounds of its own.
        constant: of each prediction.
        stability: of each score.
    """

    empty: Empty = Empty()
    row_count: RowCount = RowCount()
    bounds: Bounds = Bounds()
    null_share: NullShare = NullShare()
    mean: dict[str, Mean] = Field(default_factory=dict)
    constant: Constant = Constant()
    stability: Stability = Stability()
