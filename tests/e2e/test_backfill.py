"""Many partitions by backfill, on the real scheduler: with gaps, cancelled, and resumed."""

from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest

from local.data.package_days import flights_per_day
from tests.e2e.conftest import EMPTY, GAPS
from tests.e2e.test_jobs import Jobs, until

AT_ONCE = 4


class Days:
    """Days of a pipeline in a row, by whoever backfills them."""

    def __init__(self, laptop, first, count=30, dag_id=GAPS):
        self.laptop, self.dag_id = laptop, dag_id
        self.days = [first + timedelta(days=number) for number in range(count)]
        self.sql("CREATE TABLE IF NOT EXISTS source.faults (day date, why text)")

    def sql(self, statement, *values):
        with psycopg.connect(self.laptop.stack.postgres.dsn("warehouse")) as warehouse:
            cursor = warehouse.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def break_source(self, day):
        self.sql("INSERT INTO source.faults VALUES (%s, 'no number')", day)

    def mend_source(self):
        self.sql("DELETE FROM source.faults")

    def runs(self):
        """Return the runs by their days."""
        runs = {date.fromisoformat(run["logical_date"][:10]): run for run in self._listed()}
        return {day: runs[day] for day in self.days if day in runs}

    def _listed(self):
        path, found = f"/dags/{self.dag_id}/dagRuns", []
        while True:
            params = {"limit": 100, "offset": len(found)}
            answer = self.laptop.api.client.get(path, params=params).raise_for_status().json()
            found += answer["dag_runs"]
            if len(found) >= answer["total_entries"]:
                return found

    def states(self):
        """Return the states of runs by their days, from Airflow's database: that is asked often."""
        with psycopg.connect(self.laptop.stack.postgres.dsn("airflow")) as metadata:
            found = metadata.execute(
                "SELECT (logical_date AT TIME ZONE 'UTC')::date, state FROM dag_run"
                " WHERE dag_id = %s AND logical_date >= %s AND logical_date < %s",
                (self.dag_id, self.days[0], self.days[-1] + timedelta(days=1)),
            )
            return dict(found.fetchall())

    def notes(self):
        return {day: run["note"] for day, run in self.runs().items()}

    def score(self, day):
        """Score a day by hand, as a backfill would."""
        run_id, state = self.laptop.trigger(self.dag_id, logical_date=f"{day}T00:00:00Z")
        assert state == "success"
        return run_id

    def backfill(self, reprocess, days=None, **asked):
        """Start a backfill, newest first, as the UI does; return its number."""
        days = days or self.days
        created = self.laptop.post(
            "/backfills",
            dag_id=self.dag_id,
            from_date=f"{days[0]}T00:00:00Z",
            to_date=f"{days[-1]}T00:00:00Z",
            reprocess_behavior=reprocess,
            run_backwards=True,
            max_active_runs=AT_ONCE,
            dag_run_conf=asked,
        )
        return created.raise_for_status().json()["id"]

    def until_over(self, backfill):
        """Wait until no run of it is left; then end it, of which Airflow thinks twice a minute."""

        def is_over():
            return not {"queued", "running"} & set(self.states().values())

        until(is_over, f"backfill {backfill} is over", seconds=1200)
        self.cancel(backfill)

    def cancel(self, backfill):
        """Cancel a backfill that is not over yet."""
        path = f"/backfills/{backfill}"
        if not self.laptop.api.client.get(path).raise_for_status().json()["completed_at"]:
            answer = self.laptop.api.client.put(f"{path}/cancel")
            assert answer.is_success or answer.status_code == 409  # it was completed meanwhile

    def succeeded(self):
        return {day for day, state in self.states().items() if state == "success"}

    def cancel_after(self, some, backfill):
        """Cancel a backfill once some of its runs are over; return the days that it came to."""
        before = self.succeeded()
        until(lambda: len(self.succeeded() - before) >= some, "some are over", 600)
        self.cancel(backfill)
        self.until_over(backfill)
        return {day for day in set(self.days) - before if self.tries(day, "plan")}

    def jobs(self):
        """Count the jobs of each day, whatever became of them."""
        jobs = Jobs(self.laptop)
        prefix = self.dag_id.replace("_", "-")
        return +Counter({day: len(jobs.of(day, prefix)) for day in self.days})

    def tries(self, day, task_id):
        run = self.runs()[day]["dag_run_id"]
        path = f"/dags/{self.dag_id}/dagRuns/{run}/taskInstances/{task_id}"
        return self.laptop.api.client.get(path).raise_for_status().json()["try_number"]

    def scored(self):
        """Return the rows of each day's partition."""
        found = self.sql(
            f"SELECT flight_date, count(*) FROM predictions.{self.dag_id}"
            " WHERE flight_date = ANY (%s) GROUP BY flight_date",
            self.days,
        )
        return dict(found)

    def check_rows(self):
        """Check that each partition has the rows that its query asks for, and says so."""
        scored, notes = self.scored(), self.notes()
        for day, rows in scored.items():
            assert 0 < rows < flights_per_day()[day]
            assert self.sql(
                "SELECT count(*) FROM source.flights WHERE mod(flight_id, 20) = 0"
                " AND (scheduled_departure AT TIME ZONE 'America/New_York')::date = %s",
                day,
            ) == [(rows,)]
            assert notes[day].startswith(f"{day} · {rows} rows")


def test_days_are_planned_by_backfills_and_those_scored_that_are_asked_for(laptop):
    """Planned are most days, so that it takes a minute; the test below scores a month."""
    twelve = Days(laptop, date(2013, 11, 8), count=12)
    empty, faulty, plain = asked = [date(2013, 11, day) for day in (11, 12, 13)]
    assert empty in EMPTY
    done = date(2013, 11, 18)
    twelve.break_source(faulty)
    run_id = twelve.score(done)

    begun = twelve.cancel_after(3, twelve.backfill("none", dry_run=True))
    states = twelve.states()
    assert set(states) == set(twelve.days)
    assert 3 <= len(begun) < 11
    assert begun == set(twelve.days[-len(begun) - 1 :]) - {done}, "the newest come first"
    assert twelve.runs()[done]["dag_run_id"] == run_id, "what is there is passed over"

    twelve.until_over(twelve.backfill("failed", dry_run=True))
    assert set(twelve.states().values()) == {"success"}
    for day, run in twelve.runs().items():
        assert run["partition_key"] == day.isoformat()
        if day != done:
            assert run["note"].startswith(f"{day} · planned")
            assert run["dag_run_id"] == f"backfill__{day}T00:00:00+00:00"
            assert run["run_after"].startswith(f"{day}T00:00"), "it is listed under its day"
    assert twelve.jobs() == Counter([done]), "a plan starts nothing"
    assert set(twelve.scored()) == {done}

    twelve.until_over(twelve.backfill("completed", asked))
    assert {day for day, state in twelve.states().items() if state != "success"} == {faulty}
    assert twelve.notes()[faulty] == f"{faulty} · failed in extract"
    assert twelve.notes()[empty].startswith(f"{empty} · 0 rows")
    twelve.mend_source()
    twelve.until_over(twelve.backfill("failed"))
    assert set(twelve.states().values()) == {"success"}
    assert twelve.tries(plain, "load") == 1, "what had no failure is left alone"
    twelve.until_over(twelve.backfill("completed", [plain]))
    assert twelve.tries(plain, "load") == 2
    assert twelve.jobs() == Counter([faulty, plain, done]), "what was scored is not paid again"
    assert set(twelve.scored()) == {faulty, plain, done}
    twelve.check_rows()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_month_with_gaps_is_scored_once_newest_first_cancelled_and_resumed(laptop):
    month = Days(laptop, date(2013, 9, 1))
    done, faulty = date(2013, 9, 5), date(2013, 9, 20)
    month.break_source(faulty)
    run_id = month.score(done)

    begun = month.cancel_after(6, month.backfill("none"))
    states = month.states()
    assert set(states) == set(month.days)
    assert 6 <= len(begun) < 25
    assert begun == set(month.days[-len(begun) :]), "the newest come first"
    assert month.runs()[done]["dag_run_id"] == run_id

    month.until_over(month.backfill("failed"))
    assert [day for day, state in month.states().items() if state != "success"] == [faulty]
    assert "failed in extract" in month.notes()[faulty]

    month.mend_source()
    month.until_over(month.backfill("failed"))
    assert set(month.states().values()) == {"success"}

    again = month.days[:2]
    before = {day: month.tries(day, "load") for day in again}
    jobs = month.jobs()
    month.until_over(month.backfill("completed", again))
    assert all(month.tries(day, "load") > before[day] for day in again)

    assert month.jobs() == jobs, "what was scored is not paid again"
    assert jobs == Counter(set(month.days) - set(EMPTY))
    assert set(month.scored()) == set(month.days) - set(EMPTY)
    month.check_rows()
