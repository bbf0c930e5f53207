"""A small partition by hand on real Airflow: how long it takes until it is loaded, and of what."""

import tempfile
import time
from datetime import datetime
from functools import cache
from pathlib import Path

from local.airflow import choose_port
from local.stack import StackSettings, running_stack
from tests.bench.row import Row

FLIGHTS = "flight_delay"
DAYS = [f"2013-06-{day:02}" for day in range(1, 8)]  # the first warms up what starts slowly
MOST_SECONDS, MOST_ADDED_SECONDS = 15, 4


def by_hand():
    took = min(run["loaded"] for run in _runs())
    yield _row("run-by-hand", took, MOST_SECONDS, "from trigger to loaded")


def plan_and_report():
    took = min(run["added"] for run in _runs())
    yield _row("run-plan-and-report", took, MOST_ADDED_SECONDS, "that plan and report add")


BENCHES = {"run-by-hand": by_hand, "run-plan-and-report": plan_and_report}


def _row(name, seconds, most, what):
    return Row(
        name=name, ours=seconds, unit="s", ratio=seconds / most,
        target=f"<= {most} s {what}, the best of {len(DAYS) - 1}", holds=seconds <= most,
    )  # fmt: skip


@cache
def _runs():
    """What each run took, one after another."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        settings = StackSettings(
            name="bench",
            port=choose_port(None),
            fresh=True,
            variables={
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            },
            state=Path(folder),
        )
        with running_stack(settings, lambda text: None) as stack:
            return [_run(stack, day) for day in DAYS][1:]


def _run(stack, day):
    run_id = stack.api.trigger(FLIGHTS, {"partition": day})
    path = f"/dags/{FLIGHTS}/dagRuns/{run_id}"
    while (run := _get(stack, path))["end_date"] is None:
        stack.processes.check()
        time.sleep(0.5)
    assert run["state"] == "success", run
    tasks = _get(stack, f"{path}/taskInstances")["task_instances"]
    begins = {task["task_id"]: _moment(task["start_date"]) for task in tasks}
    ends = {task["task_id"]: _moment(task["end_date"]) for task in tasks}
    triggered = _moment(run["run_after"])
    before_work = (begins["extract"] - _moment(run["start_date"])).total_seconds()
    after_work = (_moment(run["end_date"]) - ends["load"]).total_seconds()
    return {
        "loaded": (ends["load"] - triggered).total_seconds(),
        "added": before_work + after_work,
    }


def _get(stack, path):
    return stack.api.client.get(path).raise_for_status().json()


def _moment(text):
    return datetime.fromisoformat(text)
