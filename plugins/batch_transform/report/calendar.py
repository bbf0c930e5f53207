"""A year of partitions: what each holds, and what became of the last run that was to fill it."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from batch_transform.report.runs import RunOf
from batch_transform.scoring.warehouse.ledger import Entry

_KINDS_OF_STATES = {"failed": "bad", "running": "busy", "queued": "busy"}
_LEVELS = ("low", "mid", "high")
_NOTHING = "none"


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day of the calendar.

    Attributes:
        kind: how it looks.
        title: what it holds, in words.
        run_id: the run to read about; empty where there is none.
    """

    day: date
    kind: str
    title: str
    run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of the calendar: weeks of seven days, None where a day is of another month."""

    name: str
    weeks: tuple[tuple[Day | None, ...], ...]


def years_of(entries: Iterable[Entry], runs: Iterable[RunOf], also: int) -> list[int]:
    """List the years that there is anything about, and another one."""
    known = {entry.partition.year for entry in entries}
    return sorted(known | {run.partition.year for run in runs if run.partition} | {also})


def year_of_runs(runs: Iterable[RunOf]) -> int | None:
    """Return the year of the last run's partition; None where no run has any.

    Args:
        runs: latest first.
    """
    return next((run.partition.year for run in runs if run.partition), None)


def months_of(year: int, entries: Iterable[Entry], runs: Iterable[RunOf]) -> list[Month]:
    """Lay out a year.

    Args:
        year: the year.
        entries: of the partitions, in any order.
        runs: latest first.
    """
    held = {entry.partition: entry for entry in entries if entry.partition.year == year}
    last: dict[date, RunOf] = {}
    for run in runs:
        if run.partition and run.partition.year == year:
            last.setdefault(run.partition, run)
    most = max((entry.rows for entry in held.values()), default=0)
    days = {day: _day(day, held.get(day), last.get(day), most) for day in {*held, *last}}
    return [_month(year, month, days) for month in range(1, 13)]


def _month(year: int, month: int, days: Mapping[date, Day]) -> Month:
    weeks = calendar.Calendar().monthdatescalendar(year, month)
    return Month(
        name=f"{date(year, month, 1):%B}",
        weeks=tuple(
            tuple(days.get(day, _empty(day)) if day.month == month else None for day in week)
            for week in weeks
        ),
    )


def _empty(day: date) -> Day:
    return Day(day=day, kind=_NOTHING, title=f"{day}: nothing")


def _day(day: date, entry: Entry | None, run: RunOf | None, most: int) -> Day:
    kind = _KINDS_OF_STATES.get(run.state, "") if run else ""
    return Day(
        day=day,
        kind=kind or (_look(entry, most) if entry else _NOTHING),
        title=f"{day}: {'; '.join(_words(entry, run))}",
        run_id=run.run_id if run else entry.run_id if entry else "",
    )


def _look(entry: Entry, most: int) -> str:
    if entry.findings or entry.quarantined:
        return "warn"
    return _LEVELS[min(entry.rows * len(_LEVELS) // most, len(_LEVELS) - 1)] if most else "low"


def _words(entry: Entry | None, run: RunOf | None) -> Iterator[str]:
    if entry is not None:
        yield f"{entry.rows:,} rows, {entry.quarantined:,} quarantined"
        yield from entry.findings
    if run is not None:
        yield f"last run: {run.state}"
