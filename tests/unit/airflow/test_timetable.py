from datetime import date
from itertools import islice

import pendulum
import pytest
import time_machine
from airflow.models.dagrun import DagRun
from airflow.models.tasklog import LogTemplate
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.utils.types import DagRunType
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from batch_transform.timetable import PartitionTimetable

NEW_YORK = "America/New_York"


def utc(*parts):
    return pendulum.datetime(*parts)


def runs(timetable, restriction):
    """Yield every run of a schedule with catchup, or of a backfill."""
    last = None
    while info := timetable.next_dagrun_info(
        last_automated_data_interval=last, restriction=restriction
    ):
        last = info.data_interval
        yield info


def fired(timetable, first, days):
    """List label and firing time of the scheduled runs of so many days."""
    scheduled = runs(timetable, TimeRestriction(first, None, catchup=True))
    return [(info.logical_date, info.run_after) for info in islice(scheduled, days)]


def labels(timetable, first, last):
    """List the labels of a backfill between two instants."""
    backfill = runs(timetable, TimeRestriction(first, last, catchup=True))
    return [info.logical_date for info in backfill]


def test_a_run_scores_the_day_before_it_fires():
    timetable = PartitionTimetable(NEW_YORK, "02:00")
    assert fired(timetable, utc(2013, 6, 1), 3) == [
        (utc(2013, 6, 1), utc(2013, 6, 2, 6)),
        (utc(2013, 6, 2), utc(2013, 6, 3, 6)),
        (utc(2013, 6, 3), utc(2013, 6, 4, 6)),
    ]


@pytest.mark.parametrize(
    ("at", "label", "fires"),
    [
        ("02:00", date(2013, 3, 8), utc(2013, 3, 9, 7)),
        ("02:00", date(2013, 3, 9), utc(2013, 3, 10, 7)),  # 02:00 is skipped: 03:00 summer time
        ("02:30", date(2013, 3, 9), utc(2013, 3, 10, 7, 30)),  # skipped: 03:30
        ("03:00", date(2013, 3, 9), utc(2013, 3, 10, 7)),
        ("02:00", date(2013, 3, 10), utc(2013, 3, 11, 6)),
        ("01:30", date(2013, 11, 2), utc(2013, 11, 3, 5, 30)),  # comes twice: the first
        ("02:00", date(2013, 11, 2), utc(2013, 11, 3, 7)),
        ("02:00", date(2013, 11, 3), utc(2013, 11, 4, 7)),
    ],
)
def test_the_clocks_change_and_each_day_still_fires_once(at, label, fires):
    start = pendulum.datetime(label.year, label.month, label.day)
    assert fired(PartitionTimetable(NEW_YORK, at), start, 1) == [(start, fires)]


@pytest.mark.parametrize("year", [2013, 2014])
def test_a_year_has_one_run_for_each_day_in_firing_order(year):
    timetable = PartitionTimetable(NEW_YORK, "02:30")
    found = fired(timetable, utc(year, 1, 1), 365)
    assert [label for label, _ in found] == [utc(year, 1, 1).add(days=n) for n in range(365)]
    moments = [run_after for _, run_after in found]
    assert moments == sorted(set(moments))


@pytest.mark.parametrize(
    ("earliest", "latest", "days"),
    [
        (utc(2013, 6, 1), utc(2013, 6, 1), [1]),
        (utc(2013, 6, 1), utc(2013, 6, 3), [1, 2, 3]),
        (utc(2013, 6, 1), utc(2013, 6, 3, 23, 59), [1, 2, 3]),
        (utc(2013, 6, 1, 4, 0), utc(2013, 6, 3), [1, 2, 3]),  # 00:00 in New York
        (utc(2013, 6, 1, 4, 1), utc(2013, 6, 3), [2, 3]),
        (utc(2013, 6, 3), utc(2013, 6, 1), []),
    ],
)
def test_a_backfills_bounds_are_the_first_and_the_last_partition(earliest, latest, days):
    found = labels(PartitionTimetable(NEW_YORK, "02:00"), earliest, latest)
    assert [label.day for label in found] == days


def test_runs_of_a_backfill_are_listed_under_their_day_unless_that_is_not_over():
    backfill = TimeRestriction(utc(2013, 6, 2), utc(2013, 6, 4), catchup=True)
    with time_machine.travel(utc(2013, 6, 4, 12), tick=False):
        found = [each.run_after for each in runs(PartitionTimetable(NEW_YORK, "02:00"), backfill)]
    assert found == [utc(2013, 6, 2), utc(2013, 6, 3), utc(2013, 6, 5, 6)]


@pytest.mark.parametrize("ui_zone", ["UTC", NEW_YORK, "Europe/Berlin", "Asia/Tokyo"])
@pytest.mark.parametrize("month", [1, 6])
def test_a_backfill_from_the_ui_has_its_days_whatever_zone_its_clock_shows(ui_zone, month):
    first = pendulum.datetime(2013, month, 10, tz=ui_zone)
    last = pendulum.datetime(2013, month, 11, 23, 59, 59, 999000, tz=ui_zone)
    found = labels(PartitionTimetable(NEW_YORK, "02:00"), first, last)
    assert found == [utc(2013, month, 10), utc(2013, month, 11)]


@pytest.mark.parametrize(
    ("now", "label"),
    [
        (utc(2026, 11, 23, 6, 59), utc(2026, 11, 21)),
        (utc(2026, 11, 23, 7, 0), utc(2026, 11, 22)),  # 02:00 in New York
        (utc(2026, 11, 24, 3, 0), utc(2026, 11, 22)),
    ],
)
def test_without_catchup_the_first_run_is_the_latest_that_is_due(now, label):
    restriction = TimeRestriction(utc(2013, 6, 1), None, catchup=False)
    with time_machine.travel(now, tick=False):
        info = PartitionTimetable(NEW_YORK, "02:00").next_dagrun_info(
            last_automated_data_interval=None, restriction=restriction
        )
    assert info.logical_date == label
    assert info.run_after <= now


def test_without_catchup_the_nights_that_were_missed_are_left_out():
    timetable = PartitionTimetable(NEW_YORK, "02:00")
    restriction = TimeRestriction(utc(2013, 6, 1), None, catchup=False)
    last = DataInterval(utc(2026, 11, 10), utc(2026, 11, 11))
    with time_machine.travel(utc(2026, 11, 23, 12), tick=False):
        missed = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=restriction
        )
        tomorrow = timetable.next_dagrun_info(
            last_automated_data_interval=missed.data_interval, restriction=restriction
        )
    assert missed.logical_date == utc(2026, 11, 22)
    assert (tomorrow.logical_date, tomorrow.run_after) == (utc(2026, 11, 23), utc(2026, 11, 24, 7))


def test_a_dag_without_a_start_is_never_scheduled():
    info = PartitionTimetable("UTC", "02:00").next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, False)
    )
    assert info is None


def test_a_manual_run_with_a_date_east_of_utc_has_that_dates_interval():
    picked = pendulum.datetime(2013, 6, 4, tz="Asia/Tokyo")  # the UI's date, the 3rd in UTC
    interval = PartitionTimetable("Asia/Tokyo", "02:00").infer_manual_data_interval(
        run_after=picked.in_timezone("UTC")
    )
    assert interval.start == pendulum.datetime(2013, 6, 4)
    assert interval.end == pendulum.datetime(2013, 6, 5)


def test_a_manual_run_with_a_date_has_that_dates_interval():
    interval = PartitionTimetable(NEW_YORK, "02:00").infer_manual_data_interval(
        run_after=utc(2013, 7, 4, 12)
    )
    assert interval == DataInterval(utc(2013, 7, 4), utc(2013, 7, 5))


def test_it_survives_serialization():
    timetable = PartitionTimetable(NEW_YORK, "02:30")
    copy = PartitionTimetable.deserialize(timetable.serialize())
    assert copy.serialize() == timetable.serialize() == {"timezone": NEW_YORK, "at": "02:30"}
    assert copy.summary == "02:30 America/New_York"


def test_a_scheduled_run_is_named_by_its_partition():
    timetable = PartitionTimetable(NEW_YORK, "02:00")
    interval = timetable.infer_manual_data_interval(run_after=utc(2013, 6, 4))
    name = timetable.generate_run_id(
        run_type=DagRunType.SCHEDULED, run_after=utc(2013, 6, 5, 6), data_interval=interval
    )
    assert name == "scheduled__2013-06-04"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"conf": {"partition": "2013-06-20"}}, "manual__2013-06-20__2013-07-10T12:00:00+00:00"),
        ({"partition_key": "2013-06-21"}, "manual__2013-06-21__2013-07-10T12:00:00+00:00"),
        ({"logical_date": utc(2013, 6, 22)}, "manual__2013-06-22__2013-07-10T12:00:00+00:00"),
        ({}, "manual__2013-07-09__2013-07-10T12:00:00+00:00"),
        ({"conf": {"partition": "yesterday"}}, "manual__2013-07-10T12:00:00+00:00"),
    ],
)
def test_a_manual_run_is_named_by_its_partition_as_it_is_made(made, asked, name):
    timetable = PartitionTimetable(NEW_YORK, "02:00")
    asked = {"run_after": utc(2013, 7, 10, 12), **asked}
    unfinished = timetable.generate_run_id(
        run_type=DagRunType.MANUAL, run_after=asked["run_after"], data_interval=None
    )
    assert made(run_id=unfinished, **asked) == name
    assert made(run_id="for_ann", **asked) == "for_ann", "a person has named it"


@pytest.fixture
def made():
    """Write the row of a manual run into a database; return the id that it then has."""
    engine = create_engine("sqlite://")
    for table in (LogTemplate, DagRun):
        table.__table__.create(engine)

    def made(**asked):
        with Session(engine) as session:
            run = DagRun(dag_id="x", run_type=DagRunType.MANUAL, **asked)
            session.add(run)
            session.flush()
            return session.scalar(select(DagRun.run_id).where(DagRun.id == run.id))

    return made


def test_a_run_with_a_partition_key_keeps_its_interval_and_so_the_schedule_goes_on():
    timetable = PartitionTimetable(NEW_YORK, "02:00")
    run = DagRun(
        dag_id="x",
        run_id="x",
        run_type=DagRunType.SCHEDULED,
        logical_date=utc(2013, 6, 4),
        data_interval=(utc(2013, 6, 4), utc(2013, 6, 5)),
        run_after=utc(2013, 6, 5, 6),
        partition_key="2013-06-04",
    )
    info = timetable.run_info_from_dag_run(dag_run=run)
    assert info.data_interval == DataInterval(start=utc(2013, 6, 4), end=utc(2013, 6, 5))
    following = timetable.next_dagrun_info_v2(
        last_dagrun_info=info,
        restriction=TimeRestriction(utc(2013, 6, 1), utc(2013, 7, 1), catchup=True),
    )
    assert following.logical_date == utc(2013, 6, 5)
