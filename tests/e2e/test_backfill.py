"""A month of partitions by backfill, on the real scheduler: with gaps, cancelled, and resumed."""

from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest

from local.data.package_days import flights_per_day
from tests.e2e.conftest import EMPTY, GAPS
from tests.e2e.test_jobs import Jobs, until

FIRST, LAST = date(2013, 9, 1), date(2013, 9, 30)
DONE, FAULTY = date(2013, 9, 5), date(2013, 9, 20)
MONTH = [FIRST + timedelta(days=number) for number in range(30)]
SOME = 6  # runs that are over before the backfill is cancelled


class Month:
    """The pipeline whose month it is."""

    def __init__(self, laptop):
        self.laptop = laptop
        self.dsn = laptop.stack.postgres.dsn("warehouse")

    def sql(self, statement, *values):
        with psycopg.connect(self.dsn) as warehouse:
            cursor = warehouse.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def runs(self):
        """Return the runs by their days."""
        path = f"/dags/{GAPS}/dagRuns"
        listed = self.laptop.api.client.get(path, params={"limit": 100}).raise_for_status().json()
        return {date.fromisoformat(run["logical_date"][:10]): run for run in listed["dag_runs"]}

    def states(self):
        return {day: run["state"] for day, run in self.runs().items()}

    def backfill(self, reprocess, first=FIRST, last=LAST):
        asked = self.laptop.post(
            "/backfills",
            dag_id=GAPS,
            from_date=f"{first}T00:00:00Z",
            to_date=f"{last}T00:00:00Z",
            reprocess_behavior=reprocess,
            run_backwards=True,
            max_active_runs=3,
        )
        return asked.raise_for_status().json()["id"]

    def until_over(self, backfill):
        path = f"/backfills/{backfill}"

        def is_over():
            states = self.states().values()
            told = self.laptop.api.client.get(path).raise_for_status().json()
            return told["completed_at"] and not {"queued", "running"} & set(states)

        until(is_over, f"backfill {backfill} is over", seconds=1200)

    def jobs(self):
        """Count the jobs of each day, whatever became of them."""
        jobs = Jobs(self.laptop)
        return +Counter({day: len(jobs.of(day, "gaps-flights")) for day in MONTH})

    def tries(self, day, task_id):
        run = self.runs()[day]["dag_run_id"]
        path = f"/dags/{GAPS}/dagRuns/{run}/taskInstances/{task_id}"
        return self.laptop.api.client.get(path).raise_for_status().json()["try_number"]


@pytest.fixture
def month(laptop):
    month = Month(laptop)
    month.sql("CREATE TABLE source.faults (day date, why text)")
    month.sql("INSERT INTO source.faults VALUES (%s, 'no number')", FAULTY)
    return month


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_month_with_gaps_is_scored_once_newest_first_cancelled_and_resumed(laptop, month):
    run_id, state = laptop.trigger(GAPS, logical_date=f"{DONE}T00:00:00Z")
    assert state == "success"

    cancelled = month.backfill("none")
    until(lambda: list(month.states().values()).count("success") > SOME, "some are over", 600)
    laptop.api.client.put(f"/backfills/{cancelled}/cancel").raise_for_status()
    month.until_over(cancelled)
    states = month.states()
    assert set(states) == set(MONTH)
    over = [day for day, state in states.items() if state == "success" and day != DONE]
    assert SOME <= len(over) < 25
    later = [day for day in MONTH if day >= min(over)]
    assert {states[day] for day in later} <= {"success", "failed"}
    assert set(over) == set(later) - {FAULTY, DONE}, "the newest came first"
    assert month.runs()[DONE]["dag_run_id"] == run_id

    month.until_over(month.backfill("failed"))
    assert [day for day, state in month.states().items() if state != "success"] == [FAULTY]
    assert "failed in extract" in month.runs()[FAULTY]["note"]

    month.sql("DELETE FROM source.faults")
    month.until_over(month.backfill("failed"))
    assert set(month.states().values()) == {"success"}

    again = MONTH[:2]
    before = {day: month.tries(day, "load") for day in again}
    jobs = month.jobs()
    month.until_over(month.backfill("completed", again[0], again[-1]))
    assert {day: month.tries(day, "load") > before[day] for day in again} == dict.fromkeys(
        again, True
    )

    assert month.jobs() == jobs, "what was scored is not paid again"
    assert jobs == Counter(set(MONTH) - {EMPTY})
    count = "SELECT flight_date, count(*) FROM predictions.gaps_flights GROUP BY flight_date"
    scored = dict(month.sql(count))
    assert set(scored) == set(MONTH) - {EMPTY}
    assert all(0 < rows < flights_per_day()[day] for day, rows in scored.items())
    expected = (
        "SELECT count(*) FROM source.flights WHERE mod(flight_id, 20) = 0"
        " AND (scheduled_departure AT TIME ZONE 'America/New_York')::date = %s"
    )
    assert all(month.sql(expected, day) == [(rows,)] for day, rows in scored.items())
    for day, run in month.runs().items():
        assert run["partition_key"] == day.isoformat()
        assert run["note"].startswith(f"{day} · {scored.get(day, 0)} rows")
