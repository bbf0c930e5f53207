"""The tasks of a DAG in this process, each after those before it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any

from airflow.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue, XComArg
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    DownstreamTasksSkipped,
    TaskAwaitingInput,
)

from batch_transform.by_hand.stand_in import Run, answering
from batch_transform.following.job_task import HoldsJob
from batch_transform.scoring.errors import OverCost, ScoringError

_RETURNED = "return_value"
_NOBODY_TO_ASK = (
    "The transform jobs are expected to cost more than limits.cost, and nobody can be asked here:"
    " allow it with --param cost_cap=USD"
)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The tasks of a run, one after the other.

    Attributes:
        run: of which DAG.
        tell: learns the id of each task as it begins.
        until: id of the last task to be done; empty for all.
        left: what the tasks have returned so far; None of one that was skipped.
        skipped: ids of the tasks that are not to be done.
    """

    run: Run
    tell: Callable[[str], None]
    until: str = ""
    left: dict[str, Any] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)

    def go(self) -> Mapping[str, Any]:
        """Do what the tasks do, and return what each leaves, by its id.

        Raises:
            ScoringError: of the first task that fails.
            KeyboardInterrupt: Ctrl-C; a job that runs for this run alone is stopped first.
        """
        with answering():
            for task in self.run.dag.topological_sort():  # type: ignore[no-untyped-call]
                self.left[task.task_id] = self._done(task)
                if task.task_id == self.until:
                    break
        return self.left

    def _done(self, task: BaseOperator | MappedOperator) -> Any:
        """Do a task, or each of those that are of one job among several, one after the other."""
        group = task.get_closest_mapped_task_group()
        if group is None:
            return self._task(task) if self._is_due(task) else None
        mapped: Any = group._expand_input.value
        (jobs,) = mapped.values()
        return [self._task(task, job) if self._is_due(task, job) else None for job in jobs]

    def _is_due(self, task: BaseOperator | MappedOperator, number: int = -1) -> bool:
        if task.task_id in self.skipped:
            return False
        if task.trigger_rule == "none_failed":
            return True
        return all(self._of(before, number) is not None for before in task.upstream_list)

    def _of(self, task: BaseOperator | MappedOperator, number: int) -> Any:
        """Return what a task has left: of one job where it is asked for that job's sake."""
        left = self.left[task.task_id]
        in_group = task.get_closest_mapped_task_group() is not None
        return left[number] if in_group and number >= 0 else left

    def _task(self, task: BaseOperator | MappedOperator, number: int = -1) -> Any:
        self.tell(task.task_id)
        if not isinstance(task, MappedOperator):
            return self._attempt(task, number)
        return [self._attempt(each, number) for number, each in enumerate(self._mapped(task))]

    def _mapped(self, task: MappedOperator) -> Iterator[BaseOperator]:
        expanded = self._value(task._get_specified_expand_input().value)
        for values in product(*expanded.values()):
            yield task.unmap(dict(zip(expanded, values, strict=True)))

    def _attempt(self, task: BaseOperator, map_index: int = -1) -> Any:
        ready = task.prepare_for_execution()
        attempt = self.run.attempt(ready, map_index)
        context = self.run.context(ready, attempt)
        for name in ready.template_fields:
            value = self._value(getattr(ready, name), map_index)
            setattr(ready, name, ready.render_template(value, context))
        ExecutorSafeguard.tracker.set(ready)  # as Airflow's task runner does
        try:
            with _unwrapped():
                return _executed(ready, context)
        except AirflowSkipException:
            return None
        except DownstreamTasksSkipped as skipping:
            self.skipped.update(map(str, skipping.tasks))
            return attempt.pushed.get(_RETURNED)
        except TaskAwaitingInput:
            raise OverCost(_NOBODY_TO_ASK) from None
        except KeyboardInterrupt:
            _stop(ready)
            raise

    def _value(self, value: Any, number: int = -1) -> Any:
        """Return a value with what other tasks have left in the place of references to them.

        Of those that were skipped among several there is nothing, as Airflow has it.
        """
        if isinstance(value, PlainXComArg):
            left = self._of(value.operator, number)
            if not isinstance(left, list):
                return _part(left, value.key)
            return [_part(each, value.key) for each in left if each is not None]
        if isinstance(value, XComArg):
            raise TypeError(f"{value!r} is of no kind that the package's tasks have")
        if isinstance(value, Mapping):
            return {name: self._value(each, number) for name, each in value.items()}
        return value


def _part(left: Any, key: str) -> Any:
    return left if key == _RETURNED or left is None else left[key]


def _executed(task: BaseOperator, context: Any) -> Any:
    """Execute a task, again and again while it says that it will come back."""
    while True:
        try:
            if not isinstance(task, BaseSensorOperator):
                return task.execute(context)
            seen = task.poke(context)
            if isinstance(seen, PokeReturnValue) and seen.is_done:
                return seen.xcom_value
            time.sleep(task.poke_interval)
        except AirflowRescheduleException as later:
            time.sleep(max(0.0, (later.reschedule_date - datetime.now(UTC)).total_seconds()))


@contextmanager
def _unwrapped() -> Iterator[None]:
    """Raise the package's own error in place of the one that tells Airflow not to retry."""
    try:
        yield
    except AirflowFailException as error:
        if isinstance(error.__cause__, ScoringError):
            raise error.__cause__ from None
        raise


def _stop(task: BaseOperator) -> None:
    """Let a task that is interrupted stop its job, and wait until it has."""
    task.on_kill()
    if isinstance(task, HoldsJob) and task.held is not None:
        with suppress(InterruptedError):
            task.held.stopper.check()
