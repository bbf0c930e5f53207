"""Which day a run scores: one resolver for every kind of run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from batch_transform.scoring.errors import PartitionError

_ONE_DAY = timedelta(days=1)
_MIDNIGHT = time.min.replace(tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A calendar day in the pipeline's time zone.

    Attributes:
        day: the date that names the partition.
        timezone: IANA name of the zone whose midnights bound it.
    """

    day: date
    timezone: str

    @property
    def label(self) -> str:
        """The day as ``YYYY-MM-DD``, the partition's name everywhere."""
        return self.day.isoformat()

    @property
    def start(self) -> datetime:
        """The first instant of the day, in UTC."""
        return _midnight(self.day, self.timezone)

    @property
    def end(self) -> datetime:
        """The first instant after the day, in UTC: 23, 24 or 25 hours after ``start``."""
        return _midnight(self.day + _ONE_DAY, self.timezone)


@dataclass(frozen=True, kw_only=True)
class RunDates:
    """What a DAG run says about its date.

    Attributes:
        parameter: the run's ``partition`` parameter, ``YYYY-MM-DD`` or empty.
        partition_key: the run's partition key, ``YYYY-MM-DD`` or empty.
        logical_date: the run's logical date; its date in UTC is the label.
        manual: whether a person triggered the run.
        backfill: whether the run belongs to a backfill.
        run_after: when the run became due, or was triggered.
    """

    parameter: str | None = None
    partition_key: str | None = None
    logical_date: datetime | None = None
    manual: bool = False
    backfill: bool = False
    run_after: datetime


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The partition of a run, and what of the run names it."""

    partition: Partition
    named_by: str


def resolve(dates: RunDates, timezone: str) -> Resolved:
    """Find the partition of a run: parameter, partition key, logical date, last whole day.

    The UI's trigger form fills in the present moment as the logical date of a manual run, so a
    manual run whose logical date falls on a day that is not over says nothing about the partition
    and scores the last whole day.

    Raises:
        PartitionError: a given label is not a date, its day is not over yet, or it is given to all
            the runs of a backfill.
    """
    _check_backfill(dates)
    for source, label in (
        ("the parameter 'partition'", dates.parameter),
        ("the run's partition key", dates.partition_key),
    ):
        if label:
            partition = _whole(_parse(label, source), timezone, dates.run_after)
            return Resolved(partition=partition, named_by=source)
    if dates.logical_date is not None:
        source = "the run's logical date"
        day = _checked(day_of(dates.logical_date, timezone), source)
        named = Partition(day=day, timezone=timezone)
        if not dates.manual or named.end <= dates.run_after:
            partition = _whole(named.day, timezone, dates.run_after)
            return Resolved(partition=partition, named_by=source)
    return Resolved(
        partition=last_whole_day(dates.run_after, timezone),
        named_by="nothing: it is the last whole day",
    )


def day_of(logical_date: datetime, timezone: str) -> date:
    """Return the day that a logical date means.

    At 00:00 UTC it is a label, and means that date. Any other moment was picked by a person: the
    day that it falls on for the pipeline.
    """
    utc = logical_date.astimezone(UTC)
    if utc.timetz() == _MIDNIGHT:
        return utc.date()
    return logical_date.astimezone(ZoneInfo(timezone)).date()


def last_whole_day(moment: datetime, timezone: str) -> Partition:
    """Return the last partition that is over at a moment."""
    local_day = moment.astimezone(ZoneInfo(timezone)).date()
    return Partition(day=local_day - _ONE_DAY, timezone=timezone)


def _midnight(day: date, timezone: str) -> datetime:
    # Where the clocks jump over midnight, zoneinfo's fold=0 gives the instant of the jump, which
    # is the day's first.
    return datetime.combine(day, time.min, ZoneInfo(timezone)).astimezone(UTC)


def _check_backfill(dates: RunDates) -> None:
    own = dates.logical_date and dates.logical_date.astimezone(UTC).date().isoformat()
    if dates.backfill and dates.parameter and dates.parameter != own:
        raise PartitionError(
            f"The parameter 'partition' is {dates.parameter!r} for a run of a backfill, whose runs"
            " have their own dates: create the backfill again without the parameter"
        )


def _parse(label: str, source: str) -> date:
    try:
        day = datetime.strptime(label, "%Y-%m-%d").date()
    except ValueError as error:
        raise PartitionError(
            f"{source} is {label!r}; give the day to score as YYYY-MM-DD, such as 2013-06-01"
        ) from error
    return _checked(day, source)


def _checked(day: date, source: str) -> date:
    # At the ends of the calendar a day has no midnights in UTC.
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise PartitionError(f"{source} is {day}; give a day from {_FIRST_YEAR} to {_LAST_YEAR}")
    return day


def _whole(day: date, timezone: str, run_after: datetime) -> Partition:
    partition = Partition(day=day, timezone=timezone)
    if partition.end > run_after:
        raise PartitionError(
            f"Partition {partition.label} is not over: it ends at {partition.end:%Y-%m-%d %H:%M}"
            f" UTC. Score an earlier day, or wait until then."
        )
    return partition
