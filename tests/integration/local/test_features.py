"""The pipelines' own queries, on the demo data they were written for."""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Row

from local.data.package_days import flights_per_day

PIPELINES = Path(__file__).parents[3] / "include" / "pipelines"
NEW_YORK = ZoneInfo("America/New_York")
FLIGHT_COLUMNS = [
    *("flight_id", "month", "day_of_week", "sched_dep_minute", "sched_arr_minute"),
    *("carrier", "origin", "dest", "distance", "plane_year", "seats"),
    *("temp", "wind_speed", "precip", "visib"),
]
CLOCKS_CHANGE = [date(2013, 3, 10), date(2013, 11, 3)]


def day_of(uri: str, pipeline: str, day: datetime) -> list[Row[Any]]:
    """Rows of one local day, read the way the pipelines read them."""
    query = text((PIPELINES / pipeline / "features.sql").read_text(encoding="utf-8"))
    engine = create_engine(uri.replace("postgresql://", "postgresql+psycopg://"))
    bounds = {"partition_start": day, "partition_end": day + timedelta(days=1)}
    with engine.connect() as connection:
        rows = list(connection.execute(query, bounds).fetchall())
    engine.dispose()
    return rows


def test_a_day_has_the_flights_of_the_package(loaded_uri: str) -> None:
    packaged = flights_per_day()
    for day in [*(date(2013, 6, number) for number in range(1, 5)), *CLOCKS_CHANGE]:
        rows = day_of(loaded_uri, "flight_delay", datetime.combine(day, time(), NEW_YORK))

        assert len(rows) == packaged[day]


def test_flights_come_in_order_of_their_id(loaded_uri: str) -> None:
    rows = day_of(loaded_uri, "flight_delay", datetime(2013, 6, 2, tzinfo=NEW_YORK))
    ids = [row.flight_id for row in rows]

    assert ids == sorted(set(ids))


def test_a_flight_has_what_is_known_before_it_leaves(loaded_uri: str) -> None:
    row = day_of(loaded_uri, "flight_delay", datetime(2013, 6, 2, tzinfo=NEW_YORK))[0]

    assert list(row._mapping) == FLIGHT_COLUMNS
    assert (row.month, row.day_of_week) == (6, 7)
    assert (row.sched_dep_minute, row.sched_arr_minute) == (23 * 60 + 59, 3 * 60 + 41)
    assert (row.carrier, row.origin, row.dest, row.distance) == ("B6", "JFK", "BQN", 1576)
    assert (row.plane_year, row.seats) == (2003, 200)


def test_the_weather_is_that_of_the_hour_before(
    loaded_uri: str, warehouse: psycopg.Connection[Any]
) -> None:
    row = day_of(loaded_uri, "flight_delay", datetime(2013, 6, 2, tzinfo=NEW_YORK))[0]
    observed = warehouse.execute(
        "SELECT temp, wind_speed, precip, visib FROM source.weather"
        " WHERE origin = 'JFK' AND year = 2013 AND month = 6 AND day = 2 AND hour = 22"
    ).fetchone()

    assert (row.temp, row.wind_speed, row.precip, row.visib) == observed


def test_days_share_no_message_and_lose_none(loaded_uri: str) -> None:
    days = [datetime(2013, 6, day, tzinfo=NEW_YORK) for day in range(1, 11)]
    ids = [row.message_id for day in days for row in day_of(loaded_uri, "support_sentiment", day)]

    assert ids == list(range(1, 331))


def test_messages_are_named_as_the_model_wants_them(loaded_uri: str) -> None:
    row = day_of(loaded_uri, "support_sentiment", datetime(2013, 6, 1, tzinfo=NEW_YORK))[0]

    assert list(row._mapping) == ["message_id", "feature_A", "feature_B"]
    assert row.feature_A == "Still at gate B22"
    assert json.dumps(row.feature_B).startswith('"It is past midnight')
