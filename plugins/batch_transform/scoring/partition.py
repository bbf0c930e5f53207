"""Which day a run scores: one resolver for every kind of run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from batch_transform.scoring.errors import PartitionError

_ONE_DAY = timedelta(days=1)
_MIDNIGHT = time.min.replace(tzinfo=UTC)
_FIRST = date(1, 1, 3)  # its bounds are moments of Python's in every time zone


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


def resolve(dates: RunDates, timezone: str, earliest: date | None = None) -> Partition:
    """Find the partition of a run: parameter, partition key, logical date, last whole day.

    The UI's trigger form fills in the present moment as the logical date of a manual run, so a
    manual run whose logical date falls on a day that is not over says nothing about the partition
    and scores the last whole day.

    Args:
        dates: of the run.
        timezone: of the pipeline.
        earliest: the pipeline's first partition, where one before it is refused.

    Raises:
        PartitionError: a given label is not a date, its day is not over yet or is too early, or it
            is given to all the runs of a backfill.
    """
    _check_backfill(dates)
    for source, label in (
        ("the parameter 'partition'", dates.parameter),
        ("the run's partition key", dates.partition_key),
    ):
        if label:
            return _whole(_parse(label, source), timezone, dates.run_after, earliest)
    if dates.logical_date is not None:
        day = day_of(dates.logical_date, timezone)
        if not dates.manual or _is_over(day, timezone, dates.run_after):
            return _whole(day, timezone, dates.run_after, earliest)
    return last_whole_day(dates.run_after, timezone)


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
        return datetime.strptime(label, "%Y-%m-%d").date()
    except ValueError as error:
        raise PartitionError(
            f"{source} is {label!r}; give the day to score as YYYY-MM-DD, such as 2013-06-01"
        ) from error


def _is_over(day: date, timezone: str, moment: datetime) -> bool:
    # Compared as local days: the end of the calendar's last day is no moment of Python's.
    return day <= last_whole_day(moment, timezone).day


def _whole(day: date, timezone: str, run_after: datetime, earliest: date | None) -> Partition:
    if not _is_over(day, timezone, run_after):
        raise PartitionError(
            f"Partition {day} is not over: it ends at the midnight after it in {timezone}. Score an"
            " earlier day, or wait until then."
        )
    if earliest is not None and day < earliest:
        raise PartitionError(
            f"Partition {day} is before {earliest}, the pipeline's start_date; score a later day,"
            " or set another start_date in pipeline.yaml"
        )
    if day < _FIRST:
        raise PartitionError(f"Partition {day} is before {_FIRST}, the first that can be scored")
    return Partition(day=day, timezone=timezone)
