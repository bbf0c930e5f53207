"""Transform jobs under real Airflow: paid once whatever dies, and none left running.

The runs of ``held`` start together and hold jobs that stay InProgress until they are released or
stopped; each test then acts on its own.
"""

import os
import signal
import time
from contextlib import contextmanager

import httpx
import pytest

from batch_transform.upkeep import JANITOR
from tests.e2e.conftest import FLIGHTS, POOL, sagemaker

DAYS = {
    "marked failed": "2013-07-01",
    "marked success": "2013-07-02",
    "cleared": "2013-07-03",
    "deleted": "2013-07-04",
    "worker killed": "2013-07-05",
    "triggerer killed": "2013-07-06",
    "worker killed and marked": "2013-07-09",
    "triggerer killed and marked": "2013-07-10",
    "wanted twice": "2013-07-11",
}
WORKERS_KILLED = ("worker killed", "worker killed and marked")
WAIT_SECONDS = 300
TEN_DAYS_SECONDS = 400


class Jobs:
    """The local AWS, seen from outside."""

    def __init__(self, laptop):
        self.laptop = laptop
        self.url = laptop.stack.aws_url
        self.client = sagemaker(self.url)

    def order(self, method, path, **body):
        httpx.request(method, f"{self.url}/_local/{path}", json=body).raise_for_status()

    def of(self, day, pipeline="flight-delay"):
        """Return name and status of each job of a day; each was paid for."""
        found = self.client.list_transform_jobs(NameContains=f"{pipeline}-{day}", MaxResults=100)
        jobs = found["TransformJobSummaries"]
        return {job["TransformJobName"]: job["TransformJobStatus"] for job in jobs}

    def owners(self, day):
        """Return the attempts that want the job of a day."""
        (name,) = self.of(day)
        arn = self.client.describe_transform_job(TransformJobName=name)["TransformJobArn"]
        tags = self.client.list_tags(ResourceArn=arn)["Tags"]
        values = {tag["Key"]: tag["Value"] for tag in tags}
        return {v for key, v in values.items() if key.startswith("batch-transform:owner:")}

    def stops(self, day):
        """Count the calls of StopTransformJob that stopped a job of a day."""
        details = [event["detail"] for event in httpx.get(f"{self.url}/_local/events").json()]
        return sum(
            detail["TransformJobStatus"] == "Stopping"
            and detail["TransformJobName"].startswith(f"flight-delay-{day}")
            for detail in details
        )

    def release(self, day, pipeline="flight-delay"):
        for name in self.of(day, pipeline):
            self.order("POST", f"jobs/{name}/release")


def until(ready, what, seconds=WAIT_SECONDS):
    """Wait for what other processes bring about; they offer nothing to wait on."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


class Runs:
    """Runs of days, by what happens to them."""

    def __init__(self, laptop, jobs):
        self.laptop, self.jobs, self.ids = laptop, jobs, {}

    def start(self, day, **conf):
        body = {"logical_date": None, "conf": {"partition": day, **conf}}
        answer = self.laptop.post(f"/dags/{FLIGHTS}/dagRuns", **body).raise_for_status()
        self.ids[day] = answer.json()["dag_run_id"]
        return self.ids[day]

    def transform(self, run_id):
        path = f"/dags/{FLIGHTS}/dagRuns/{run_id}/taskInstances/transform"
        return self.laptop.api.client.get(path).raise_for_status().json()

    def is_in(self, run_id, state):
        return lambda: self.transform(run_id)["state"] == state

    def is_watched(self, run_id):
        """Tell whether a triggerer has looked at the job: the task logs one look, it the next."""
        return lambda: (
            self.transform(run_id)["state"] == "deferred"
            and self.laptop.log_of(FLIGHTS, run_id, "transform").count("is InProgress") > 1
        )

    def mark(self, run_id, state):
        path = f"/dags/{FLIGHTS}/dagRuns/{run_id}/taskInstances/transform"
        self.laptop.api.client.patch(path, json={"new_state": state}).raise_for_status()

    def clear(self, run_id):
        self.laptop.post(
            f"/dags/{FLIGHTS}/clearTaskInstances",
            dry_run=False,
            dag_run_id=run_id,
            task_ids=["transform"],
            include_downstream=True,
            only_failed=False,
            reset_dag_runs=True,
        ).raise_for_status()


@pytest.fixture(scope="module")
def jobs(laptop):
    return Jobs(laptop)


@pytest.fixture(scope="module")
def runs(laptop, jobs):
    return Runs(laptop, jobs)


@pytest.fixture(scope="module")
def held(runs, jobs):
    """Start the runs, and wait until each job is there and its task is deferred.

    Two workers are killed while they still hold a job that was just created.
    """
    jobs.order("POST", "faults", fault="frozen", times=len(DAYS))
    ids = {what: runs.start(day) for what, day in DAYS.items()}
    for what in WORKERS_KILLED:
        until(lambda day=DAYS[what]: jobs.of(day), "a job is created")
        os.kill(runs.transform(ids[what])["pid"], signal.SIGKILL)
    runs.mark(ids["worker killed and marked"], "failed")
    until(runs.is_in(ids["worker killed"], "up_for_retry"), "Airflow notices the dead worker")
    for what, run_id in ids.items():
        if what not in WORKERS_KILLED:
            until(runs.is_watched(run_id), f"{what}: a triggerer watches")
    return ids


@pytest.fixture(scope="module")
def no_triggerer(held, runs, laptop):
    """Mark a deferred task while there is no triggerer, and start one again."""
    processes = laptop.stack.processes
    (old,) = [each for each in processes.running if each.command.name == "airflow-triggerer"]
    os.killpg(old.process.pid, signal.SIGKILL)
    old.process.wait()
    processes.running.remove(old)
    runs.mark(held["triggerer killed and marked"], "failed")
    processes.start(old.command)


def janitor(laptop):
    """Let the janitor pass, sooner than by its schedule."""
    answer = laptop.post(f"/dags/{JANITOR}/dagRuns", logical_date=None).raise_for_status()
    run_id = answer.json()["dag_run_id"]
    assert laptop.finished(JANITOR, run_id) == "success"
    return laptop.api.returned(JANITOR, run_id, "stop_orphans")


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_task_that_is_marked_stops_its_job_once(held, runs, jobs, state):
    day = DAYS[f"marked {state}"]
    runs.mark(held[f"marked {state}"], state)
    until(lambda: list(jobs.of(day).values()) == ["Stopped"], "its job is stopped")
    assert jobs.stops(day) == 1


def test_a_run_that_is_failed_and_deleted_stops_its_job_once(held, laptop, jobs):
    day, path = DAYS["deleted"], f"/dags/{FLIGHTS}/dagRuns/{held['deleted']}"
    laptop.api.client.patch(path, json={"state": "failed"}).raise_for_status()
    laptop.api.client.delete(path).raise_for_status()
    until(lambda: list(jobs.of(day).values()) == ["Stopped"], "its job is stopped")
    assert jobs.stops(day) == 1


def test_a_task_that_is_cleared_while_it_runs_attaches_to_its_job(held, laptop, runs, jobs):
    day, run_id = DAYS["cleared"], held["cleared"]
    before = jobs.owners(day)
    assert len(before) == 1
    runs.clear(run_id)
    until(lambda: jobs.owners(day) != before, "its next attempt owns the job")
    assert len(jobs.owners(day)) == 1
    jobs.release(day)
    assert laptop.finished(FLIGHTS, run_id) == "success"
    assert list(jobs.of(day).values()) == ["Completed"]
    assert jobs.stops(day) == 0
    assert laptop.api.returned(FLIGHTS, run_id, "transform")["how"] == "attached"


def test_a_worker_that_dies_with_its_job_running_is_followed_by_one_that_attaches(
    held, laptop, runs, jobs
):
    day, run_id = DAYS["worker killed"], held["worker killed"]
    runs.clear(run_id)  # sooner than its retry
    jobs.release(day)
    assert laptop.finished(FLIGHTS, run_id) == "success"
    assert (list(jobs.of(day).values()), jobs.stops(day)) == (["Completed"], 0)


def test_a_triggerer_that_dies_is_followed_by_one_that_watches_on(held, no_triggerer, laptop, jobs):
    day, run_id = DAYS["triggerer killed"], held["triggerer killed"]
    jobs.release(day)
    assert laptop.finished(FLIGHTS, run_id) == "success"
    assert (list(jobs.of(day).values()), jobs.stops(day)) == (["Completed"], 0)


def test_a_run_that_is_cancelled_leaves_the_job_to_another_that_wants_it(held, laptop, runs, jobs):
    day, first = DAYS["wanted twice"], held["wanted twice"]
    second = runs.start(day)
    until(lambda: len(jobs.owners(day)) == 2, "both own the job")
    until(runs.is_watched(second), "a triggerer watches for the second run")
    runs.mark(second, "failed")
    until(lambda: len(jobs.owners(day)) == 1, "the second has given it up")
    jobs.release(day)
    assert laptop.finished(FLIGHTS, first) == "success"
    assert (list(jobs.of(day).values()), jobs.stops(day)) == (["Completed"], 0)


def test_the_janitor_stops_what_nobody_else_can(held, no_triggerer, laptop, jobs):
    orphans = [DAYS[what] for what in ("worker killed and marked", "triggerer killed and marked")]
    janitor(laptop)  # unless it has passed by its schedule
    for day in orphans:
        until(lambda day=day: list(jobs.of(day).values()) == ["Stopped"], "it is stopped")
        assert jobs.stops(day) == 1
    assert janitor(laptop) == []


def test_a_worker_that_dies_before_the_call_costs_nothing(laptop, runs, jobs):
    day = "2013-07-07"
    jobs.order("POST", "faults", fault="throttle", operation="CreateTransformJob", times=1000)
    run_id = runs.start(day)
    until(runs.is_in(run_id, "running"), "its task runs")
    until(lambda: runs.transform(run_id)["pid"], "it has a process")
    os.kill(runs.transform(run_id)["pid"], signal.SIGKILL)
    jobs.order("DELETE", "faults")
    until(runs.is_in(run_id, "up_for_retry"), "Airflow notices")
    runs.clear(run_id)
    assert laptop.finished(FLIGHTS, run_id) == "success"
    assert list(jobs.of(day).values()) == ["Completed"]

    # The same day once more costs nothing; forced, one more.
    again = runs.start(day)
    assert laptop.finished(FLIGHTS, again) == "success"
    forced = runs.start(day, force_rerun=True)
    assert laptop.finished(FLIGHTS, forced) == "success"
    assert laptop.api.returned(FLIGHTS, again, "transform")["how"] == "reused"
    first, second = sorted(jobs.of(day))
    assert second == f"{first}-g2"
    assert laptop.api.returned(FLIGHTS, forced, "transform")["job_name"] == second


def test_a_job_that_had_its_time_is_stopped_once_and_fails_the_run(laptop, runs, jobs):
    day = "2013-07-08"
    jobs.order("POST", "faults", fault="frozen")
    jobs.order("POST", "clock", advance=-7 * 3600)  # the job will be older than its deadline
    try:
        run_id = runs.start(day)
        assert laptop.finished(FLIGHTS, run_id) == "failed"
    finally:
        jobs.order("POST", "clock", reset=True)
    assert list(jobs.of(day).values()) == ["Stopped"]
    assert jobs.stops(day) == 1
    assert runs.transform(run_id)["state"] == "failed", "not retried"


@pytest.mark.slow
@pytest.mark.timeout(TEN_DAYS_SECONDS + 60)
def test_ten_days_at_once_share_an_account_that_allows_two_jobs(laptop, jobs):
    """The pool lets three in, of two instances each; the account has instances for two."""
    days = [f"2013-08-{day:02d}" for day in range(1, 11)]
    jobs.order("PUT", "limits", **{"ml.m5.large": 4})
    with pool_of(laptop, slots=6):
        laptop.post(
            "/backfills",
            dag_id=FLIGHTS,
            from_date=f"{days[0]}T00:00:00Z",
            to_date=f"{days[-1]}T00:00:00Z",
            max_active_runs=10,
        ).raise_for_status()
        backfilled = [run for run in laptop.api.runs() if (run["logical_date"] or "")[:10] in days]
        most = 0

        def all_over():
            nonlocal most
            tasks = [task for task in laptop.api.tasks() if task["task_id"] == "transform"]
            holding = [task for task in tasks if task["state"] in ("running", "deferred")]
            most = max(most, len(holding))
            states = [laptop.state(FLIGHTS, run["dag_run_id"]) for run in backfilled]
            return set(states) <= {"success", "failed"}

        try:
            until(all_over, "all runs end", TEN_DAYS_SECONDS)
        finally:
            jobs.order("PUT", "limits", **{"ml.m5.large": 100})
    assert [laptop.state(FLIGHTS, run["dag_run_id"]) for run in backfilled] == ["success"] * 10
    assert [list(jobs.of(day).values()) for day in days] == [["Completed"]] * 10
    assert most_at_once(jobs) <= 2
    assert most <= 3, "the pool counts deferred tasks"


@contextmanager
def pool_of(laptop, slots):
    path = f"/pools/{POOL['name']}"
    laptop.api.client.patch(path, json={**POOL, "slots": slots}).raise_for_status()
    try:
        yield
    finally:
        laptop.api.client.patch(path, json=POOL).raise_for_status()


def most_at_once(jobs):
    """Return how many jobs of August ran together, from the service's own events."""
    running, most = set(), 0
    for event in httpx.get(f"{jobs.url}/_local/events").json():
        detail = event["detail"]
        if "-2013-08-" in detail["TransformJobName"]:
            is_running = detail["TransformJobStatus"] in ("InProgress", "Stopping")
            (running.add if is_running else running.discard)(detail["TransformJobName"])
            most = max(most, len(running))
    return most
