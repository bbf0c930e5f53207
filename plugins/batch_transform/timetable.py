"""The schedule: one run for each calendar day, fired on the next day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.utils.types import DagRunType
from pendulum import DateTime
from typing_extensions import override

from batch_transform import run_names
from batch_transform.scoring.partition import day_of

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_ONE_DAY = timedelta(days=1)


class PartitionTimetable(Timetable):
    """Runs whose logical date is the partition's label.

    A partition is a calendar day. Its run has the label at 00:00 UTC as logical date, so that
    ``{{ ds }}`` is the partition, a backfill from the 1st to the 3rd is exactly three partitions,
    and a manual run with a date scores that date; where it was picked as a midnight of the
    pipeline's zone, that day. It fires on the next day at a local time. A time that the clocks skip
    fires as late as they jump; a time that comes twice fires at the first. Each run is named by its
    partition, and those of a backfill are listed under it.
    https://airflow.apache.org/docs/apache-airflow/stable/howto/timetable.html

    Attributes:
        timezone: IANA name of the zone of ``at``.
        at: local time of day, ``HH:MM``.
    """

    # A run may be triggered with its partition's key, and each gets one as it starts.
    partitioned_at_runtime = True

    def __init__(self, timezone: str, at: str) -> None:
        """Fire at the local time ``at`` on the day after each partition."""
        self.timezone = timezone
        self.at = at
        self.description = f"Each day's partition, on the next day at {at} {timezone}"
        self._zone = ZoneInfo(timezone)
        self._time = datetime.strptime(at, "%H:%M").time()

    @property
    def summary(self) -> str:
        """Short form for the UI's list of DAGs."""
        return f"{self.at} {self.timezone}"

    def serialize(self) -> dict[str, Any]:
        """Return the arguments, for the serialized DAG."""
        return {"timezone": self.timezone, "at": self.at}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PartitionTimetable:
        """Return the timetable of a serialized DAG."""
        return cls(**data)

    @override
    def generate_run_id(
        self,
        *,
        run_type: DagRunType,
        run_after: DateTime,
        data_interval: DataInterval | None,
        **extra: Any,
    ) -> str:
        """Name a run by its partition; what a manual run scores, its row will say."""
        if run_type == DagRunType.SCHEDULED and data_interval is not None:
            return run_type.generate_run_id(suffix=f"{data_interval.start:%Y-%m-%d}")
        name = super().generate_run_id(
            run_type=run_type, run_after=run_after, data_interval=data_interval, **extra
        )
        return run_names.unfinished(name, self.timezone) if run_type == DagRunType.MANUAL else name

    @override
    def run_info_from_dag_run(self, *, dag_run: DagRun) -> DagRunInfo:
        """Return what a run was made of; Airflow would forget the interval of one with a key."""
        info = super().run_info_from_dag_run(dag_run=dag_run)
        logical_date = dag_run.logical_date
        if info.data_interval is not None or logical_date is None:
            return info
        return info._replace(data_interval=_interval(day_of(logical_date, self.timezone)))

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the interval of a manual run; Airflow passes its logical date."""
        return _interval(day_of(run_after, self.timezone))

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """Return the next partition to score, and when.

        Without catchup the partitions that were missed are left out, but the latest one that is
        due is scored at once.
        """
        candidates = []
        if last_automated_data_interval is not None:
            candidates.append(self._first_label(last_automated_data_interval.end))
        if restriction.earliest is not None:
            candidates.append(self._first_label(restriction.earliest))
        if not candidates:
            return None
        if not restriction.catchup:
            candidates.append(self._latest_due())
        label = max(candidates)
        if restriction.latest is not None and label > self._last_label(restriction.latest):
            return None
        interval = _interval(label)
        # Airflow names a run of a backfill, and lists it, by the moment from which it may start.
        by_backfill = restriction.catchup and restriction.latest is not None
        listed = interval.start if by_backfill and self._is_due(label) else self._fires(label)
        return DagRunInfo(run_after=listed, data_interval=interval)

    def _first_label(self, earliest: DateTime) -> date:
        """Return the first label that does not begin before a moment."""
        label = self._last_label(earliest)
        begins_then = _is_label(earliest) or self._begins(label) >= earliest
        return label if begins_then else label + _ONE_DAY

    def _last_label(self, latest: DateTime) -> date:
        """Return the last label that begins at a moment or before.

        The command line gives days as 00:00 UTC, as labels are. The UI gives the first and the
        last instant of its days, in the time zone that the person has chosen for its clock: those
        mean the days that begin between them here.
        """
        label: date = latest.in_timezone("UTC").date()
        if _is_label(latest):
            return label
        label += _ONE_DAY
        while self._begins(label) > latest:
            label -= _ONE_DAY
        return label

    def _begins(self, label: date) -> datetime:
        return datetime.combine(label, time.min, self._zone).astimezone(UTC)

    def _fires(self, label: date) -> DateTime:
        local = datetime.combine(label + _ONE_DAY, self._time, self._zone)
        return pendulum.instance(local.astimezone(UTC))

    def _is_due(self, label: date) -> bool:
        return self._fires(label) <= pendulum.now("UTC")

    def _latest_due(self) -> date:
        label = pendulum.now("UTC").astimezone(self._zone).date()
        while not self._is_due(label):
            label -= _ONE_DAY
        return label


def _interval(label: date) -> DataInterval:
    start = pendulum.datetime(label.year, label.month, label.day)
    return DataInterval(start=start, end=start.add(days=1))


def _is_label(moment: DateTime) -> bool:
    utc = moment.in_timezone("UTC")
    return bool(utc == utc.start_of("day"))
