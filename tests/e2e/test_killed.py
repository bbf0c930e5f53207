"""Processes of Airflow and its database are killed while a job runs: the run goes on, paid once."""

import os
import signal
from contextlib import contextmanager

import psycopg
import pytest

from tests.e2e.conftest import FLIGHTS
from tests.e2e.test_jobs import Jobs, Runs, until

DAYS = {
    "airflow-scheduler": "2013-08-01",
    "airflow-api-server": "2013-08-02",
    "airflow-dag-processor": "2013-08-03",
    "airflow-triggerer": "2013-08-04",
    "postgres": "2013-08-05",
}
SHARED = ("2013-08-06", "2013-08-07", "2013-08-08")
ALIVE = (
    "SELECT id FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'"
    " AND latest_heartbeat > now() - interval '20 s'"
)
QUEUED = "SELECT DISTINCT queued_by_job_id FROM task_instance WHERE run_id = ANY (%s)"
RECOVERY_SECONDS = 420  # Airflow itself waits five minutes for a task whose scheduler is gone


def kill(laptop, name):
    """Kill a process and all that it has started."""
    (running,) = [each for each in laptop.stack.processes.running if each.command.name == name]
    os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()


def has_succeeded(laptop, run_id):
    """Tell whether a run is a success; start again what has ended, as ``make up`` does."""
    laptop.stack.processes.restart_ended()
    try:
        state = laptop.state(FLIGHTS, run_id)
    except psycopg.OperationalError:
        return False  # the database is on its way
    assert state != "failed"
    return state == "success"


@pytest.mark.slow
@pytest.mark.timeout(RECOVERY_SECONDS + 300)
@pytest.mark.parametrize("name", DAYS)
def test_a_run_outlives_a_process_that_is_killed(laptop, name):
    jobs, day = Jobs(laptop), DAYS[name]
    jobs.order("POST", "faults", fault="frozen", times=1)
    run_id = Runs(laptop, jobs).start(day)
    until(lambda: jobs.of(day), "a job is created", RECOVERY_SECONDS)
    kill(laptop, name)
    jobs.release(day)
    until(lambda: has_succeeded(laptop, run_id), f"{name} was killed", RECOVERY_SECONDS)
    check_scored_once(laptop, jobs, day, run_id)


def check_scored_once(laptop, jobs, day, run_id):
    assert list(jobs.of(day).values()) == ["Completed"]
    records = laptop.api.returned(FLIGHTS, run_id, "extract")["records"]
    assert laptop.rows(day)[0] == records > 0


@contextmanager
def another_scheduler(laptop):
    """Run a second scheduler beside that of the stack."""
    second = laptop.stack.airflow.run("airflow-scheduler-2", "scheduler", "--skip-serve-logs")
    until(lambda: len(ask(laptop, ALIVE)) == 2, "two schedulers are at work", RECOVERY_SECONDS)
    yield
    second.process.terminate()
    second.process.wait()
    laptop.stack.processes.running.remove(second)


def ask(laptop, query, *values):
    """Ask Airflow's database."""
    with psycopg.connect(laptop.stack.postgres.dsn("airflow")) as metadata:
        return metadata.execute(query, values).fetchall()


@pytest.mark.slow
@pytest.mark.timeout(2 * RECOVERY_SECONDS + 300)
def test_runs_outlive_one_of_two_schedulers_that_share_them(laptop):
    jobs = Jobs(laptop)
    jobs.order("POST", "faults", fault="frozen", times=len(SHARED))
    with another_scheduler(laptop):
        runs = Runs(laptop, jobs)
        ids = [(day, runs.start(day)) for day in SHARED for _ in range(2)]
        until(lambda: all(map(jobs.of, SHARED)), "each day has a job", RECOVERY_SECONDS)
        kill(laptop, "airflow-scheduler")
        for day in SHARED:
            jobs.release(day)
        for day, run_id in ids:
            until(lambda run=run_id: has_succeeded(laptop, run), day, RECOVERY_SECONDS)
    for day, run_id in ids:
        check_scored_once(laptop, jobs, day, run_id)
    shares = ask(laptop, QUEUED, [run_id for _, run_id in ids])
    assert len(shares) >= 2, "one of the schedulers had nothing to do"
