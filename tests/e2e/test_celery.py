"""A backfill in slices on CeleryExecutor: Redis, and two workers, of which one dies midway."""

import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager
from datetime import date, timedelta

import psutil
import psycopg
import pytest

from local.airflow import choose_port
from local.data.package_days import flights_per_day
from local.stack import PIPELINES, StackSettings, running_stack
from tests.e2e.conftest import POOL, Laptop
from tests.e2e.test_jobs import Jobs, until

SPREAD = "spread_flights"
FIRST = date(2013, 6, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]
SLICES = 8
TASKS_OF_A_WORKER = 2
LOST_SECONDS = 20  # after which Airflow takes a task for lost
REDIS = shutil.which("redis-server")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(REDIS is None, reason="needs Redis: apt-get install redis-server"),
]


@contextmanager
def running_redis(folder):
    """Redis on a socket below a folder, which keeps nothing; yields its URL."""
    socket = folder / "redis.sock"
    options = {"--port": "0", "--unixsocket": str(socket), "--save": "", "--dir": str(folder)}
    with subprocess.Popen(
        [REDIS, *(part for pair in options.items() for part in pair)], stdout=subprocess.DEVNULL
    ) as redis:
        try:
            until(socket.exists, "Redis listens")
            yield f"redis+socket://{socket}"
        finally:
            redis.terminate()


def settings_of(folder, broker):
    """The stack, with CeleryExecutor."""
    pipelines = folder / "pipelines"
    shutil.copytree(PIPELINES, pipelines)
    shutil.copytree(PIPELINES / "flight_delay", pipelines / SPREAD)
    file = pipelines / SPREAD / "pipeline.yaml"
    text = file.read_text().replace("predictions.flight_delay", f"predictions.{SPREAD}")
    placed = f"extract: {{slices: {SLICES}}}\nworkers: {{queue: scoring}}\nlimits: "
    file.write_text(text.replace("limits: ", placed))
    return StackSettings(
        name="celery",
        port=choose_port(None),
        fresh=True,
        variables={
            "BATCH_TRANSFORM_PIPELINES": str(pipelines),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": f"{broker}?virtual_host=0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"{broker}?virtual_host=1",
            "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(LOST_SECONDS),
            # What the dead worker had fetched and not begun is queued again.
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
        },
        state=folder,
    )


def start_worker(stack, name):
    """Start a worker of the pipeline's queue alone."""
    return stack.airflow.run(
        f"airflow-worker-{name}",
        *("celery", "worker", "--queues", "scoring", "--celery-hostname", f"{name}@%h"),
        *("--concurrency", str(TASKS_OF_A_WORKER), "--skip-serve-logs"),
    )


@pytest.fixture(scope="module")
def laptop(laptop_folder):
    folder = laptop_folder / "celery"
    folder.mkdir()
    with (
        running_redis(folder) as broker,
        running_stack(settings_of(folder, broker), print) as stack,
    ):
        laptop = Laptop(stack)
        laptop.api.client.patch(f"/pools/{POOL['name']}", json=POOL).raise_for_status()
        yield laptop


def tasks(laptop):
    """All task instances of all runs of the pipeline."""
    path = f"/dags/{SPREAD}/dagRuns/~/taskInstances"
    listed = laptop.api.client.get(path, params={"limit": 500}).raise_for_status().json()
    return listed["task_instances"]


def kill(stack, worker):
    """Let a worker and all that it has begun be gone at once, as with its machine."""
    process = psutil.Process(worker.process.pid)
    family = [process, *process.children(recursive=True)]
    stack.processes.running.remove(worker)
    for each in family:
        each.kill()
    worker.process.wait()
    return family


def runs(worker):
    """Whether a worker has a task under way: each is a process below one of the pool's."""
    return any(each.children() for each in psutil.Process(worker.process.pid).children())


def rows_of(laptop):
    query = f"SELECT flight_date, count(*), count(DISTINCT flight_id) FROM predictions.{SPREAD}"
    with psycopg.connect(laptop.stack.postgres.dsn("warehouse")) as warehouse:
        return warehouse.execute(f"{query} GROUP BY 1 ORDER BY 1").fetchall()


def test_each_partition_ends_whole_and_paid_once_though_a_worker_is_killed(laptop):
    victim = start_worker(laptop.stack, "victim")
    start_worker(laptop.stack, "survivor")
    laptop.post(
        "/backfills",
        dag_id=SPREAD,
        from_date=f"{DAYS[0]}T00:00:00Z",
        to_date=f"{DAYS[-1]}T00:00:00Z",
        max_active_runs=2,
    ).raise_for_status()

    def in_the_middle():
        slices = [task["state"] for task in tasks(laptop) if task["task_id"] == "extract"]
        return slices.count("success") >= SLICES // 2 and runs(victim)

    until(in_the_middle, "some slices are done, and the worker has a task", seconds=600)
    kill(laptop.stack, victim)

    def is_over():
        listed = laptop.api.client.get(f"/dags/{SPREAD}/dagRuns").raise_for_status().json()
        states = [run["state"] for run in listed["dag_runs"]]
        return len(states) == len(DAYS) and set(states) <= {"success", "failed"}

    until(is_over, "the backfill is over", seconds=1200)
    left = tasks(laptop)
    assert {task["state"] for task in left} == {"success"}
    assert Counter(task["task_id"] for task in left)["extract"] == SLICES * len(DAYS)
    assert {task["queue"] for task in left} == {"scoring"}
    assert max(task["try_number"] for task in left) > 1, "the worker had nothing to lose"

    expected = flights_per_day()
    assert rows_of(laptop) == [(day, expected[day], expected[day]) for day in DAYS]
    jobs = Jobs(laptop)
    paid = {day: list(jobs.of(day, "spread-flights").values()) for day in DAYS}
    assert paid == {day: ["Completed"] for day in DAYS}
