"""Processes of Airflow and its database are killed while a job runs: the run goes on, paid once."""

import os
import signal

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
    assert list(jobs.of(day).values()) == ["Completed"]
    records = laptop.api.returned(FLIGHTS, run_id, "extract")["records"]
    assert laptop.rows(day)[0] == records > 0
