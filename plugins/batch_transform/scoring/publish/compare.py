"""What a load changes, or would: its rows beside those that the partition holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.outputs.staged import Staged
from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.publish.profile import histogram
from batch_transform.scoring.queries import literal, quoted
from batch_transform.scoring.warehouse.held import HeldRows
from batch_transform.scoring.warehouse.ledger import Entry

_LISTED = 10


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A prediction that changed.

    Attributes:
        id: of the record.
        before: what the partition holds.
        after: what the load has.
    """

    id: tuple[Any, ...]
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class Histograms:
    """A score before and after, in equal parts between its bounds."""

    low: float
    high: float
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a load changes.

    Attributes:
        run_id: the run whose load is in force.
        model: the model of that run.
        rows_before: rows that the partition holds; of a sample's ids alone, where it is one.
        rows_after: rows of the load.
        gained: rows whose id the partition does not hold.
        lost: rows that the partition would hold no more.
        changed: rows with another prediction.
        column: the prediction of the next five; the first that is a number, else the first.
        mean_before: its mean; None where it is no number.
        mean_after: its mean.
        mean_change: how far it moved in the rows where it changed.
        largest_change: how far it moved at most.
        largest: the rows where it moved furthest.
        histograms: of each score with bounds.
    """

    run_id: str
    model: str
    rows_before: int
    rows_after: int
    gained: int
    lost: int
    changed: int
    column: str
    mean_before: float | None
    mean_after: float | None
    mean_change: float | None
    largest_change: float | None
    largest: tuple[Moved, ...]
    histograms: Mapping[str, Histograms]

    @property
    def differing(self) -> int:
        """Predictions that are not the same on both sides."""
        return self.gained + self.lost + self.changed

    def __str__(self) -> str:
        means = self.mean_before, self.mean_after
        moved = "" if None in means else " mean {:.3g} → {:.3g};".format(*means)
        return (
            f"{self.rows_before:,} rows with {self.rows_after:,};{moved}"
            f" {self.differing:,} predictions differ"
        )


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The two sides of a comparison.

    Attributes:
        staged: the rows of the load.
        ids: how many of their columns are ids.
        held: the rows of the partition.
        entry: of the load in force.
        is_sample: whether the load has some of the partition's records only.
    """

    staged: Staged
    ids: int
    held: HeldRows
    entry: Entry
    is_sample: bool = False


def compare(sides: Sides, predictions: Mapping[str, Prediction]) -> Comparison:
    """Compare the rows of a load with those that the partition holds, on the worker's disk."""
    staged = sides.staged
    _hold(staged, sides.held)
    _join(sides)
    columns = {name: sides.ids + number for number, name in enumerate(predictions)}
    differs = " OR ".join(f"old{n} IS DISTINCT FROM new{n}" for n in columns.values())
    ((gained, lost, changed),) = staged.run("count_compared", differs=differs)
    column = next((name for name in columns if TYPES[predictions[name].type].is_number), None)
    shown = column or next(iter(columns))
    before, after, mean, most = _moved(staged, columns[column]) if column else (None,) * 4
    rows = staged.count()
    return Comparison(
        run_id=sides.entry.run_id,
        model=sides.entry.model,
        rows_before=rows - gained + lost,
        rows_after=rows,
        gained=gained,
        lost=lost,
        changed=changed,
        column=shown,
        mean_before=before,
        mean_after=after,
        mean_change=mean,
        largest_change=most,
        largest=_largest(sides, columns[shown], is_number=column is not None),
        histograms=dict(_histograms(staged, columns, predictions)),
    )


def _hold(staged: Staged, held: HeldRows) -> None:
    """Make the relation ``held``, with a column for each of the stage's."""
    files = f"[{', '.join(literal(str(path)) for path in held.paths)}]"
    columns = list(enumerate(staged.columns))
    if held.format == "csv":
        types = ", ".join(f"s{n}: {literal(column.sql)}" for n, column in columns)
        staged.run("hold_csv", files=files, columns=f"{{{types}}}")
        return
    names = {name for (name,) in staged.run("find_parquet_columns", files=files)}
    selected = ", ".join(
        f"TRY_CAST({quoted(each.name) if each.name in names else 'NULL'} AS {each.sql}) AS s{n}"
        for n, each in columns
    )
    staged.run("hold_parquet", files=files, columns=selected)


def _join(sides: Sides) -> None:
    staged, ids = sides.staged, range(sides.ids)
    columns = [f"coalesce(staged.s{n}, held.s{n}) AS s{n}" for n in ids]
    for number in range(sides.ids, len(staged.columns)):
        columns += [f"held.s{number} AS old{number}", f"staged.s{number} AS new{number}"]
    path = literal(str(staged.folder / "compared.parquet"))
    staged.run(
        "compare",
        columns=", ".join(columns),
        join="LEFT" if sides.is_sample else "FULL",
        same_id=" AND ".join(f"staged.s{n} = held.s{n}" for n in ids),
        path=path,
    )
    staged.run("create_compared", path=path)


def _moved(staged: Staged, number: int) -> tuple[Any, ...]:
    (found,) = staged.run("compare_numbers", old=f"old{number}", new=f"new{number}")
    return found


def _largest(sides: Sides, number: int, *, is_number: bool) -> tuple[Moved, ...]:
    old, new = f"old{number}", f"new{number}"
    ids = ", ".join(f"s{n}" for n in range(sides.ids))
    by_size = f"abs({new}::DOUBLE - {old}::DOUBLE) DESC NULLS LAST, " if is_number else ""
    found = sides.staged.run(
        "largest_changes", ids=ids, old=old, new=new, order=by_size + ids, count=str(_LISTED)
    )
    return tuple(Moved(id=row[:-2], before=row[-2], after=row[-1]) for row in found)


def _histograms(
    staged: Staged, columns: Mapping[str, int], predictions: Mapping[str, Prediction]
) -> Sequence[tuple[str, Histograms]]:
    found = []
    for name, number in columns.items():
        low, high = predictions[name].min, predictions[name].max
        if low is None or high is None or low == high:
            continue
        before = histogram(staged, "compared", f"old{number}", (low, high))
        after = histogram(staged, "compared", f"new{number}", (low, high))
        found.append((name, Histograms(low=low, high=high, before=before, after=after)))
    return found
