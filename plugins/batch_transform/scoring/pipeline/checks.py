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
    """No row where the partition holds some, or those before it do: have the data come?

    Attributes:
        level: what a failed check does.
    """

    level: Level = "block"


class Bounds(Section):
    """What ``min`` and ``max`` of a prediction do: ``block`` makes a value outside unfit.

    Attributes:
        level: what a failed check does.
    """

    level: Level = "block"


class NullShare(Section):
    """Share of rows whose prediction is NULL; for nullable predictions.

    Attributes:
        level: what a failed check does.
        leq_to: the greatest share that is right.
    """

    level: Level = "warn"
    leq_to: Annotated[Share, Field(le=1)] = 0.05


class Mean(Section):
    """Bounds of a column's mean.

    Attributes:
        level: what a failed check does.
        geq_to: the least mean that is right.
        leq_to: the greatest mean that is right.
    """

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
    """A model that answers every record alike, where there are at least ``rows`` of them.

    Attributes:
        level: what a failed check does.
        rows: how many there must be.
    """

    level: Level = "warn"
    rows: Annotated[Integer, Field(ge=2)] = 20


class Stability(Section):
    """Population stability index of a score against the last runs together.

    Below 0.1 is usually read as stable and above 0.25 as shifted. For predictions with ``min`` and
    ``max``, and partitions of at least ``rows`` rows.

    Attributes:
        level: what a failed check does.
        leq_to: the greatest index that is right.
        runs: how many partitions before this one are compared with.
        rows: how many rows both must have.
    """

    level: Level = "warn"
    leq_to: Annotated[Number, Field(gt=0)] = 0.25
    runs: _Runs = 7
    rows: Annotated[Integer, Field(ge=1)] = 500


class Checks(Section):
    """All checks.

    ``warn`` publishes and says so, ``block`` does not publish, ``off`` does not look.

    Attributes:
        empty: there is no row, though the partition holds some, or one of the last ones does.
        row_count: the rows differ from the mean of the last ``runs`` partitions by more than
            ``tolerance`` of it.
        bounds: values lie outside ``min`` and ``max``; ``block`` makes each such value unfit.
        null_share: more than ``leq_to`` of a prediction's values are NULL.
        mean: the mean is below ``geq_to`` or above ``leq_to``; its level is ``block``.
        constant: all values of at least ``rows`` rows are the same.
        stability: the population stability index of a score with ``min`` and ``max``, against the
            last ``runs`` partitions together, is above ``leq_to``; only where both have ``rows``
            rows.
    """

    empty: Empty = Empty()
    row_count: RowCount = RowCount()
    bounds: Bounds = Bounds()
    null_share: NullShare = NullShare()
    mean: dict[str, Mean] = Field(default_factory=dict)
    constant: Constant = Constant()
    stability: Stability = Stability()
