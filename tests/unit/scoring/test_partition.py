from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from batch_transform.scoring.errors import PartitionError
from batch_transform.scoring.partition import Partition, RunDates, last_whole_day, resolve

NEW_YORK = "America/New_York"
NOON = datetime(2013, 7, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "timezone", "hours"),
    [
        (date(2013, 3, 9), NEW_YORK, 24),
        (date(2013, 3, 10), NEW_YORK, 23),
        (date(2013, 11, 3), NEW_YORK, 25),
        (date(2013, 6, 1), "UTC", 24),
        (date(2024, 9, 8), "America/Santiago", 23),  # the clocks jump over midnight itself
        (date(2024, 4, 6), "America/Santiago", 25),  # 23:00 to 24:00 comes twice
    ],
)
def test_a_partition_lasts_from_local_midnight_to_local_midnight(day, timezone, hours):
    partition = Partition(day=day, timezone=timezone)
    assert partition.end - partition.start == timedelta(hours=hours)
    following = Partition(day=day + timedelta(days=1), timezone=timezone)
    assert partition.end == following.start


def test_bounds_are_instants_in_utc():
    partition = Partition(day=date(2013, 6, 1), timezone=NEW_YORK)
    assert partition.start == datetime(2013, 6, 1, 4, tzinfo=UTC)
    assert partition.label == "2013-06-01"


@pytest.mark.parametrize(
    ("dates", "label"),
    [
        # a scheduled run, or one of a backfill
        (RunDates(logical_date=datetime(2013, 7, 4, tzinfo=UTC), run_after=NOON), "2013-07-04"),
        # by hand with a date picked
        (
            RunDates(
                logical_date=datetime(2013, 7, 4, 12, tzinfo=UTC), manual=True, run_after=NOON
            ),
            "2013-07-04",
        ),
        # by hand with a date picked in a clock of another time zone
        (RunDates(logical_date=datetime(2013, 7, 4, 4, tzinfo=UTC), run_after=NOON), "2013-07-04"),
        # by hand with the form's own logical date, which is now
        (RunDates(logical_date=NOON, manual=True, run_after=NOON), "2013-07-09"),
        # by hand over the API with nothing
        (RunDates(manual=True, run_after=NOON), "2013-07-09"),
        # by hand with the parameter
        (RunDates(parameter="2013-06-04", manual=True, run_after=NOON), "2013-06-04"),
        # with a partition key
        (RunDates(partition_key="2013-06-05", run_after=NOON), "2013-06-05"),
        # parameter before key before logical date
        (
            RunDates(parameter="2013-06-04", partition_key="2013-06-05", run_after=NOON),
            "2013-06-04",
        ),
        (
            RunDates(
                partition_key="2013-06-05",
                logical_date=datetime(2013, 7, 4, tzinfo=UTC),
                run_after=NOON,
            ),
            "2013-06-05",
        ),
        (RunDates(parameter="", manual=True, run_after=NOON), "2013-07-09"),
    ],
)
def test_every_kind_of_run_has_one_partition(dates, label):
    assert resolve(dates, NEW_YORK).partition.label == label


def test_the_last_whole_day_is_the_zones_own():
    just_after_midnight_utc = datetime(2013, 7, 10, 1, tzinfo=UTC)
    assert last_whole_day(just_after_midnight_utc, "UTC").label == "2013-07-09"
    assert last_whole_day(just_after_midnight_utc, NEW_YORK).label == "2013-07-08"


@pytest.mark.parametrize("label", ["2013-7", "yesterday", "2013-06-31", "2013-06-01T00:00"])
def test_a_label_that_is_no_date_is_refused_with_the_way_to_write_one(label):
    with pytest.raises(PartitionError, match="'partition' is .*; give the day .* YYYY-MM-DD"):
        resolve(RunDates(parameter=label, run_after=NOON), NEW_YORK)


@pytest.mark.parametrize(
    "dates",
    [
        RunDates(parameter="2013-07-10", manual=True, run_after=NOON),
        RunDates(partition_key="2013-08-01", run_after=NOON),
        RunDates(logical_date=datetime(2013, 7, 10, tzinfo=UTC), run_after=NOON),
    ],
)
def test_a_day_that_is_not_over_is_refused(dates):
    with pytest.raises(PartitionError, match="is not over: it ends at"):
        resolve(dates, NEW_YORK)


TOKYO = "Asia/Tokyo"
PICKED_IN_TOKYO = datetime(2013, 6, 4, tzinfo=ZoneInfo(TOKYO))  # 2013-06-03 15:00 in UTC


def test_a_date_that_is_picked_east_of_utc_is_that_date():
    picked = RunDates(logical_date=PICKED_IN_TOKYO, manual=True, run_after=NOON)
    assert resolve(picked, TOKYO).partition.label == "2013-06-04"
    label = RunDates(logical_date=datetime(2013, 6, 4, tzinfo=UTC), manual=True, run_after=NOON)
    assert resolve(label, TOKYO).partition.label == "2013-06-04"
    assert resolve(label, NEW_YORK).partition.label == "2013-06-04"


def test_now_east_of_utc_is_the_last_whole_day_there():
    now = datetime(2013, 7, 10, 16, tzinfo=UTC)  # the 11th in Tokyo
    dates = RunDates(logical_date=now, manual=True, run_after=now)
    assert resolve(dates, TOKYO).partition.label == "2013-07-10"


def test_a_backfill_has_its_own_dates():
    own = datetime(2013, 6, 1, tzinfo=UTC)
    run = {"logical_date": own, "backfill": True, "run_after": NOON}
    assert resolve(RunDates(**run), NEW_YORK).partition.label == "2013-06-01"
    assert (
        resolve(RunDates(parameter="2013-06-01", **run), NEW_YORK).partition.label == "2013-06-01"
    )
    with pytest.raises(PartitionError, match="create the backfill again without the parameter"):
        resolve(RunDates(parameter="2013-05-01", **run), NEW_YORK)


def test_a_day_is_over_at_its_end_and_not_before():
    end = Partition(day=date(2013, 7, 9), timezone=NEW_YORK).end
    assert (
        resolve(RunDates(parameter="2013-07-09", run_after=end), NEW_YORK).partition.label
        == "2013-07-09"
    )
    with pytest.raises(PartitionError):
        resolve(
            RunDates(parameter="2013-07-09", run_after=end - timedelta(microseconds=1)), NEW_YORK
        )


@pytest.mark.parametrize("year", [1, 9999])
def test_a_logical_date_at_the_end_of_the_calendar_is_refused(year):
    dates = RunDates(logical_date=datetime(year, 12, 31, tzinfo=UTC), run_after=NOON)
    with pytest.raises(PartitionError, match="the run's logical date is .*; give a day from 1900"):
        resolve(dates, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("dates", "named_by"),
    [
        ({"parameter": "2013-06-04"}, "the parameter 'partition'"),
        ({"partition_key": "2013-06-04"}, "the run's partition key"),
        ({"logical_date": datetime(2013, 7, 4, tzinfo=UTC)}, "the run's logical date"),
        ({"logical_date": NOON, "manual": True}, "nothing: it is the last whole day"),
        ({}, "nothing: it is the last whole day"),
    ],
)
def test_what_names_a_partition_is_told(dates, named_by):
    assert resolve(RunDates(**dates, run_after=NOON), NEW_YORK).named_by == named_by


@pytest.mark.parametrize(("year", "is_taken"), [(1899, 0), (1900, 1), (2199, 1), (2200, 0)])
def test_years_of_the_calendar_are_taken_to_the_last(year, is_taken):
    dates = RunDates(parameter=f"{year}-07-01", run_after=datetime(9000, 1, 1, tzinfo=UTC))
    if is_taken:
        assert resolve(dates, NEW_YORK).partition.day.year == year
    else:
        with pytest.raises(PartitionError, match="give a day from"):
            resolve(dates, NEW_YORK)


def test_a_date_by_hand_is_scored_from_the_moment_its_day_is_over():
    end = Partition(day=date(2013, 7, 4), timezone=NEW_YORK).end
    picked = {"logical_date": datetime(2013, 7, 4, tzinfo=UTC), "manual": True}
    earlier = end - timedelta(microseconds=1)
    assert resolve(RunDates(**picked, run_after=end), NEW_YORK).named_by == "the run's logical date"
    assert resolve(RunDates(**picked, run_after=earlier), NEW_YORK).partition.label == "2013-07-03"
