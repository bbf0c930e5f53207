"""Scores four days of real flights and messages through real Airflow, and shows the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date

from local.airflow import choose_port
from local.errors import LocalError
from local.results import flight_auc, read_results, table
from local.stack import Say, Stack, StackSettings, running_stack

PIPELINES = ("flight_delay", "support_sentiment")
BACKFILL_DAYS = (date(2013, 6, 1), date(2013, 6, 2), date(2013, 6, 3))
MANUAL_DAY = date(2013, 6, 4)

_RUN_SECONDS = 300.0
_POLL_SECONDS = 1.0
_FINISHED = {"success", "failed"}
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
            # Tonight's run has no flights to score: only the runs asked for below.
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        },
    )
    with running_stack(settings, say) as stack:
        _backfill(stack, say)
        _trigger(stack, say)
        results = read_results(stack, PIPELINES, (*BACKFILL_DAYS, MANUAL_DAY))
        auc = flight_auc(stack)
        agree = all(each.agrees for each in results)
        say("Read back from the warehouse:\n")
        print(table(results), end="\n\n")
        print(f"flight_delay: AUC {auc:.3f} on what really happened (0.5 is chance, 1 is perfect)")
        print("Every count agrees." if agree else "COUNTS DISAGREE: compare the columns above.")
    return agree


def _backfill(stack: Stack, say: Say) -> None:
    first, last = BACKFILL_DAYS[0].isoformat(), BACKFILL_DAYS[-1].isoformat()
    say(f"airflow backfill create --from-date {first} --to-date {last}, for both pipelines")
    for dag_id in PIPELINES:
        stack.airflow.start_command(
            f"backfill-{dag_id}",
            *("backfill", "create", "--dag-id", dag_id, "--from-date", first, "--to-date", last),
        )
    _await_runs(stack, say, len(PIPELINES) * len(BACKFILL_DAYS))


def _trigger(stack: Stack, say: Say) -> None:
    say(f"Trigger by hand, with the parameter partition = {MANUAL_DAY}")
    for dag_id in PIPELINES:
        stack.api.trigger(dag_id, {"partition": MANUAL_DAY.isoformat()})
    _await_runs(stack, say, len(PIPELINES) * (len(BACKFILL_DAYS) + 1))


def _await_runs(stack: Stack, say: Say, count: int) -> None:
    """Follow the runs until ``count`` of them are finished.

    Raises:
        LocalError: a run failed, or the time is up.
    """
    progress = _Progress(say)
    deadline = time.monotonic() + _RUN_SECONDS
    while True:
        stack.processes.check()
        progress.show(stack.api.tasks())
        runs = stack.api.runs()
        failed = [run for run in runs if run["state"] == "failed"]
        if failed:
            raise LocalError(
                f"Run {failed[0]['dag_run_id']} of {failed[0]['dag_id']} failed.\nIts tasks' logs:"
                f" {stack.airflow.settings.home / 'logs'}"
            )
        if len([run for run in runs if run["state"] in _FINISHED]) >= count:
            return
        if time.monotonic() > deadline:
            raise LocalError(
                f"The runs did not finish in {_RUN_SECONDS:.0f} s.\nLogs:"
                f" {stack.processes.folder} and {stack.airflow.settings.home / 'logs'}"
            )
        time.sleep(_POLL_SECONDS)


class _Progress:
    """Says each task's change of state once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[tuple[str, str, str, str]] = set()

    def show(self, tasks: Sequence[dict[str, str]]) -> None:
        for task in sorted(tasks, key=lambda each: each["start_date"] or ""):
            change = (task["dag_id"], task["dag_run_id"], task["task_id"], task["state"])
            if task["state"] not in _NOT_WORTH_SAYING and change not in self._said:
                self._said.add(change)
                day = (task["logical_date"] or "by hand")[:10]
                self._say(f"  {task['dag_id']:<17} {day:<10} {task['task_id']}: {task['state']}")
