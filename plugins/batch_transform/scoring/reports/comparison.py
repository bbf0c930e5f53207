"""What a load did to the partition, as a report and ``loaded.json`` have it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from batch_transform.scoring.records.quarantine import shown
from batch_transform.scoring.reports.part import Part


def _id(value: Any) -> Any:
    return shown([str(part) for part in value]) if isinstance(value, list | tuple) else str(value)


class Moved(Part):
    """A row whose prediction is another one.

    Attributes:
        id: of its record.
        before: what the partition held.
        after: what the load has.
    """

    id: Annotated[str, BeforeValidator(_id)]
    before: Any = None
    after: Any = None


class Histograms(Part):
    """How many values lie in each equal part between bounds, on both sides."""

    low: float
    high: float
    before: tuple[int, ...]
    after: tuple[int, ...]


class Comparison(Part):
    """The rows of a load beside those that the partition held.

    Attributes:
        run_id: the run that had loaded those.
        model: its model.
        rows_before: rows that the partition held; of a sample's ids alone, where it is one.
        rows_after: rows of the load.
        gained: rows of ids that it did not hold.
        lost: rows of ids that the load does not have.
        changed: rows whose predictions differ.
        column: the prediction that the next five are about.
        mean_before: its mean; None where it is no number.
        mean_after: its mean.
        mean_change: how far it moved in the rows where it changed.
        largest_change: how far it moved at most.
        largest: the rows where it moved furthest.
        histograms: of each score with bounds.
    """

    run_id: str = ""
    model: str = ""
    rows_before: int | None = None
    rows_after: int | None = None
    gained: int | None = None
    lost: int | None = None
    changed: int | None = None
    column: str = ""
    mean_before: float | None = None
    mean_after: float | None = None
    mean_change: float | None = None
    largest_change: float | None = None
    largest: tuple[Moved, ...] = ()
    histograms: dict[str, Histograms] = Field(default_factory=dict)

    @property
    def share_changed(self) -> float | None:
        """Of the rows that are on both sides, those whose predictions differ."""
        if self.changed is None or self.rows_after is None or self.gained is None:
            return None
        both = self.rows_after - self.gained
        return self.changed / both if both else None


class Flips(Part):
    """Checks that said otherwise of the load that was in force.

    Attributes:
        fail_now: those that held before.
        failed_before: those that hold now.
    """

    fail_now: tuple[str, ...] = ()
    failed_before: tuple[str, ...] = ()


class Change(Part):
    """What the load did to the partition, or would have done.

    Attributes:
        published: False where the load changed nothing, or was not to.
        unpublished: why it was not to; empty where it was.
        replaced_rows: rows that the partition held before.
        comparison: of both; None where there was nothing, or the same.
        flips: checks that say otherwise now.
    """

    published: bool | None = None
    unpublished: str = ""
    replaced_rows: int | None = None
    comparison: Comparison | None = None
    flips: Flips = Flips()
