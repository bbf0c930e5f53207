"""Scores four days of real flights and messages through real Airflow, and shows the result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import Any

from local.airflow import choose_port
from local.errors import LocalError
from local.results import flight_auc, read_results, table
from local.stack import Say, Stack, StackSettings, running_stack

PIPELINES = ("flight_delay", "support_sentiment")
BACKFILL_DAYS = (date(2013, 6, 1), date(2013, 6, 2), date(2013, 6, 3))
MANUAL_DAY = date(2013, 6, 4)

_RUN_SECONDS = 300.0
_POLL_SECONDS = 1.0
_NOT_WORTH_SAYING = {None, "scheduled", "queued"}


def run_demo(say: Say) -> bool:
    """Run the demo on a stack of its own; return whether every count agrees.

    Raises:
        LocalError: something failed; the message says what, and where to look.
    """
    settings = StackSettings(
        name="demo",
        port=choose_port(None),
        fresh=True,
        variables={
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            # Tonight's run would have no flights to score: only the runs started below.
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        },
    )
    with running_stack(settings, say) as stack:
        progress = _Progress(stack, say)
        _backfill(stack, progress, say)
        _trigger(stack, progress, say)
        results = read_results(stack, PIPELINES, (*BACKFILL_DAYS, MANUAL_DAY))
        auc = flight_auc(stack)
        agree = all(each.agrees for each in results)
        say("Read back from the warehouse:\n")
        print(table(results), end="\n\n")
        print(f"flight_delay: AUC {auc:.3f} on what really happened (0.5 is chance, 1 is perfect)")
        print("Every count agrees." if agree else "COUNTS DISAGREE: compare the columns above.")
    return agree


def _backfill(stack: Stack, progress: _Progress, say: Say) -> None:
    first, last = BACKFILL_DAYS[0].isoformat(), BACKFILL_DAYS[-1].isoformat()
    say(f"airflow backfill create --from-date {first} --to-date {last}, for both pipelines")
    for dag_id in PIPELINES:
        stack.airflow.run(
            f"backfill-{dag_id}",
            *("backfill", "create", "--dag-id", dag_id, "--from-date", first, "--to-date", last),
        )
    progress.await_runs(len(PIPELINES) * len(BACKFILL_DAYS))


def _trigger(stack: Stack, progress: _Progress, say: Say) -> None:
    say(f"Trigger by hand, with the parameter partition = {MANUAL_DAY}")
    for dag_id in PIPELINES:
        stack.api.trigger(dag_id, {"partition": MANUAL_DAY.isoformat()})
    progress.await_runs(len(PIPELINES) * (len(BACKFILL_DAYS) + 1))


class _Progress:
    """Says each change of a task's state once."""

    def __init__(self, stack: Stack, say: Say) -> None:
        self._stack = stack
        self._say = say
        self._said: set[tuple[str, str, str, str]] = set()

    def await_runs(self, count: int) -> None:
        """Follow the runs until ``count`` of them are finished.

        Raises:
            LocalError: a run failed, or the time is up.
        """
        deadline = time.monotonic() + _RUN_SECONDS
        airflow_logs = self._stack.airflow.settings.home / "logs"
        while True:
            self._stack.processes.check()
            tasks = self._stack.api.tasks()
            runs = self._stack.api.runs()
            self._show(tasks, runs)
            for run in runs:
                if run["state"] == "failed":
                    raise LocalError(
                        f"Run {run['dag_run_id']} of {run['dag_id']} failed.\nIts tasks' logs:"
                        f" {airflow_logs}"
                    )
            if sum(run["state"] == "success" for run in runs) >= count:
                return
            if time.monotonic() > deadline:
                raise LocalError(
                    f"The runs did not finish in {_RUN_SECONDS:.0f} s.\nLogs:"
                    f" {self._stack.processes.logs} and {airflow_logs}"
                )
            time.sleep(_POLL_SECONDS)

    def _show(self, tasks: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]]) -> None:
        partitions = {(run["dag_id"], run["dag_run_id"]): _partition(run) for run in runs}
        for task in sorted(tasks, key=lambda each: each["start_date"] or ""):
            change = (task["dag_id"], task["dag_run_id"], task["task_id"], task["state"])
            if task["state"] not in _NOT_WORTH_SAYING and change not in self._said:
                self._said.add(change)
                partition = partitions[task["dag_id"], task["dag_run_id"]]
                self._say(
                    f"  {task['dag_id']:<17} {partition:<10} {task['task_id']}: {task['state']}"
                )


def _partition(run: dict[str, Any]) -> str:
    """Return the day that a run scores: its parameter if it was triggered, else its date."""
    partition: str = (run["conf"] or {}).get("partition") or run["logical_date"] or ""
    return partition[:10]
