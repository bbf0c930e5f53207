"""Scores four days of real flights and messages through real Airflow, and shows the result."""

from __future__ import annotations

import time
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
_SILENT_SECONDS = 15.0


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
        progress = Progress(stack, say)
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


def _backfill(stack: Stack, progress: Progress, say: Say) -> None:
    first, last = BACKFILL_DAYS[0].isoformat(), BACKFILL_DAYS[-1].isoformat()
    say(f"Backfill {first} to {last}, for both pipelines, as Airflow's form does")
    for dag_id in PIPELINES:
        stack.api.backfill(dag_id, first, last)
    progress.await_runs(len(PIPELINES) * len(BACKFILL_DAYS))


def _trigger(stack: Stack, progress: Progress, say: Say) -> None:
    say(f"Trigger by hand, with the parameter partition = {MANUAL_DAY}")
    for dag_id in PIPELINES:
        stack.api.trigger(dag_id, {"partition": MANUAL_DAY.isoformat()})
    progress.await_runs(len(PIPELINES) * (len(BACKFILL_DAYS) + 1))


class Progress:
    """Says of each run what its note says, once, as it ends."""

    def __init__(self, stack: Stack, say: Say) -> None:
        self._stack = stack
        self._say = say
        self._told: set[tuple[str, str]] = set()
        self._spoke = time.monotonic()

    def await_runs(self, count: int) -> None:
        """Follow the runs until ``count`` of them are finished.

        Raises:
            LocalError: a run failed, or the time is up.
        """
        deadline = time.monotonic() + _RUN_SECONDS
        airflow_logs = self._stack.airflow.settings.home / "logs"
        while len(self._told) < count:
            self._stack.processes.check()
            for run in self._stack.api.runs():
                if run["state"] == "failed":
                    raise LocalError(
                        f"A run of {run['dag_id']} failed: {run['note'] or run['dag_run_id']}\nIts"
                        f" tasks' logs: {airflow_logs}"
                    )
                if run["state"] == "success":
                    self._tell(run)
            if time.monotonic() > deadline:
                raise LocalError(
                    f"The runs did not finish in {_RUN_SECONDS:.0f} s.\nLogs:"
                    f" {self._stack.processes.logs} and {airflow_logs}"
                )
            self._show_life(count)
            time.sleep(_POLL_SECONDS)

    def _tell(self, run: dict[str, Any]) -> None:
        key = run["dag_id"], run["dag_run_id"]
        if key not in self._told:
            self._told.add(key)
            self._speak(f"  {run['dag_id']:<17} {run['note']}")

    def _show_life(self, count: int) -> None:
        if time.monotonic() - self._spoke > _SILENT_SECONDS:
            self._speak(f"  {len(self._told)} of {count} runs are over")

    def _speak(self, text: str) -> None:
        self._spoke = time.monotonic()
        self._say(text)
