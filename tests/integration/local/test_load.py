import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.data.errors import DataDisagreesError
from local.data.load import DataFiles, load
from local.data.package_days import flights_per_day
from local.data.support_messages import read_messages

Warehouse = psycopg.Connection[Any]
EXPECTED_ROWS = {"flights": 336_776, "weather": 26_115, "planes": 3_322, "support_messages": 330}
DAYS_OF_DEPARTURES = """
    SELECT CAST(scheduled_departure AT TIME ZONE 'America/New_York' AS date), COUNT(*)
    FROM source.flights
    GROUP BY 1
"""
FLIGHTS = """year,month,day,dep_time,sched_dep_time,arr_delay,sched_arr_time,carrier,flight,\
tailnum,origin,dest,distance,hour,minute,time_hour
2013,6,1,NA,2359,NA,345,B6,745,NA,JFK,PSE,1617,23,59,2013-06-02T03:00:00Z
2013,6,2,5,15,-4,130,UA,1545,N14228,EWR,IAH,1400,0,15,2013-06-02T04:00:00Z
"""
WEATHER = "origin,year,month,day,hour,time_hour\nJFK,2013,6,1,22,2013-06-02T02:00:00Z\n"
PLANES = "tailnum,year,seats\nN14228,1999,149\n"
MESSAGE = {
    "message_id": 1,
    "created_at": "2013-06-01T12:00:00-04:00",
    "subject": None,
    "body": 'Über "allem"\tis a tab,\nand a new line',
}
FEW_ROWS = {"flights": 2, "weather": 1, "planes": 1, "support_messages": 1}


def rows_of(warehouse: Warehouse) -> dict[str, int]:
    counts = {}
    for table in EXPECTED_ROWS:
        row = warehouse.execute(f"SELECT COUNT(*) FROM source.{table}".encode()).fetchone()
        assert row is not None
        counts[table] = row[0]
    return counts


def test_every_row_of_the_package_is_loaded(warehouse: Warehouse) -> None:
    assert rows_of(warehouse) == EXPECTED_ROWS


def test_days_of_scheduled_departure_are_those_of_the_package(warehouse: Warehouse) -> None:
    days: dict[date, int] = dict(warehouse.execute(DAYS_OF_DEPARTURES).fetchall())

    assert Counter(days) == flights_per_day()


def test_flight_ids_number_the_rows_of_the_package_file(warehouse: Warehouse) -> None:
    query = """
        SELECT flight_id, tailnum, dep_time, CAST(scheduled_departure AS text)
        FROM source.flights
        WHERE flight_id IN (1, 2, 336776)
        ORDER BY flight_id
    """
    warehouse.execute("SET LOCAL TIME ZONE 'UTC'")

    assert warehouse.execute(query).fetchall() == [
        (1, "N14228", 517, "2013-01-01 10:15:00+00"),
        (2, "N24211", 533, "2013-01-01 10:29:00+00"),
        (336776, "N839MQ", None, "2013-09-30 12:40:00+00"),
    ]


def test_na_is_null(warehouse: Warehouse) -> None:
    query = """
        SELECT
            (SELECT COUNT(*) FROM source.flights WHERE arr_delay IS NULL),
            (SELECT COUNT(*) FROM source.flights WHERE tailnum IS NULL),
            (SELECT COUNT(*) FROM source.planes WHERE year IS NULL),
            (SELECT COUNT(*) FROM source.weather WHERE wind_gust IS NULL)
    """
    assert warehouse.execute(query).fetchone() == (9_430, 2_512, 70, 20_778)


def test_messages_come_out_as_they_were_written(warehouse: Warehouse) -> None:
    query = """
        SELECT message_id, created_at, subject, body
        FROM source.support_messages
        ORDER BY message_id
    """
    written = [
        (message.message_id, message.created_at, message.subject, message.body)
        for message in read_messages()
    ]
    assert warehouse.execute(query).fetchall() == written


def test_a_second_load_leaves_the_rows_alone(warehouse: Warehouse) -> None:
    where_rows_lie = "SELECT MIN(ctid), MAX(ctid), MIN(CAST(xmin AS text)) FROM source.flights"
    before = warehouse.execute(where_rows_lie).fetchone()

    assert load(warehouse) == EXPECTED_ROWS
    assert warehouse.execute(where_rows_lie).fetchone() == before


@pytest.fixture
def few_files(tmp_path: Path) -> DataFiles:
    """Files of two flights and what belongs to them."""
    csv = {}
    for table, text in {"flights": FLIGHTS, "weather": WEATHER, "planes": PLANES}.items():
        csv[table] = tmp_path / f"{table}.csv"
        csv[table].write_text(text, encoding="utf-8")
    messages = tmp_path / "messages.jsonl"
    messages.write_text(json.dumps(MESSAGE) + "\n", encoding="utf-8")
    return DataFiles(csv=csv, messages=messages)


def test_rows_of_other_files_are_replaced(warehouse: Warehouse, few_files: DataFiles) -> None:
    assert load(warehouse, few_files) == FEW_ROWS
    assert rows_of(warehouse) == FEW_ROWS
    row = warehouse.execute("SELECT subject, body FROM source.support_messages").fetchone()
    assert row == (MESSAGE["subject"], MESSAGE["body"])


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM source.flights WHERE flight_id = 2", "DROP TABLE source.weather"],
)
def test_what_is_missing_is_loaded_again(
    warehouse: Warehouse, few_files: DataFiles, damage: str
) -> None:
    load(warehouse, few_files)
    warehouse.execute(damage.encode())

    assert load(warehouse, few_files) == FEW_ROWS
    assert rows_of(warehouse) == FEW_ROWS
    ids = warehouse.execute("SELECT flight_id FROM source.flights ORDER BY 1").fetchall()
    assert ids == [(1,), (2,)]


def test_a_flight_on_another_day_stops_the_load_and_keeps_what_was_there(
    warehouse: Warehouse, few_files: DataFiles
) -> None:
    midnight_of_the_next_day = FLIGHTS.replace(",2359,", ",2400,")
    few_files.csv["flights"].write_text(midnight_of_the_next_day, encoding="utf-8")

    with pytest.raises(DataDisagreesError, match=r"^2 days disagree, first 2013-06-01: 0 flights"):
        load(warehouse, few_files)
    assert rows_of(warehouse) == EXPECTED_ROWS
