"""The tasks of a run in their order: one list, which the DAG, its runbook and the README follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

REPORT = "report"

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a person reads about a task.

    Attributes:
        task_id: its id in the DAG.
        does: what it does, after its name.
        on_failure: what to do when it fails.
    """

    task_id: str
    does: str
    on_failure: str


TASKS = (
    Task(
        task_id="plan",
        does="says what the run will do, replace and cost, and waits for late data where"
        " `source.wait` is set",
        on_failure="The log says which day or parameter cannot be had, what the source or SageMaker"
        " would refuse, or what the run is expected to cost. Nothing was started. Clear it once the"
        " cause is mended.",
    ),
    Task(
        task_id="unload",
        does="has the warehouse unload the day's rows into files, in one snapshot",
        on_failure="The log has the warehouse's words. Nothing was written but files below the"
        " attempt's own prefix; clear it once the cause is mended. Clearing or marking it while it"
        " runs stops its statement.",
    ),
    Task(
        task_id="extract",
        does="writes the day's rows as {format} shards to S3",
        on_failure="The log names the row and column that cannot be written, or the columns that"
        " differ. Where the extract is sliced, clear the slice that failed; the others stay.",
    ),
    Task(
        task_id="join_slices",
        does="makes one extract of the {slices} slices",
        on_failure="Slices differ in a column's kind, which a cast in the query cures; or their"
        " shards are missing in S3, or `pipeline.yaml` was changed between them: then clear all of"
        " `extract`.",
    ),
    Task(
        task_id="build_manifest",
        does="checks the shards and lists them",
        on_failure="Shards are missing in S3; clear `extract`.",
    ),
    Task(
        task_id="transform",
        does="starts the transform job with model `{model}`, or attaches to the one with the same"
        " content, model and settings, and follows it to its end",
        on_failure="The log names the job, shows the service's refusal or the job's"
        " FailureReason, and the last lines of the job's own log (CloudWatch, log group"
        " `/aws/sagemaker/TransformJobs`). Clear it once the cause is mended: a job that runs or"
        " has completed is attached to and costs nothing more; one that failed or was stopped is"
        " followed by the next generation, `-g2`. Marking it failed while it runs stops the job,"
        " unless another run wants it too.",
    ),
    Task(
        task_id="wait",
        does="proves its outputs complete",
        on_failure="It lets through only a job that is Completed with an output for each shard, or"
        " one that failed for some of them, which `recover` then looks after; the log says what is"
        " not so. Clear `transform`, which then starts the next generation.",
    ),
    Task(
        task_id="recover",
        does="sends again what has no output, down to the single bad record",
        on_failure="Too many records are bad, or another limit is hit; the log names what is"
        " known of them. Nothing was loaded. Clear `transform` once the model is mended, or raise"
        " `limits` and clear `recover`, which pays for no job twice.",
    ),
    Task(
        task_id="reconcile",
        does="proves the outputs, each of its {groups} tasks those of some shards",
        on_failure="Nothing was changed in `{table}`; the log names the shard whose output is not"
        " complete, or does not answer what was sent. The other groups stay: clear the one that"
        " failed once the cause is mended.",
    ),
    Task(
        task_id="publish",
        does="replaces the partition in `{table}` with what was proven, in one transaction",
        on_failure="Nothing was changed in `{table}`; the log names the check that failed, or the"
        " newer run whose data are in force.",
    ),
    Task(
        task_id="load",
        does="replaces the partition in `{table}` in one transaction",
        on_failure="Nothing was changed in `{table}`; the log names the shard whose output is not"
        " complete, the check that failed, or the newer run whose data are in force.",
    ),
    Task(
        task_id=REPORT,
        does="writes what the run did to S3, for the tab *Report* and as a page to pass on",
        on_failure="The partition is loaded all the same; clear it.",
    ),
)


def tasks_of(slices: int, *, unloads: bool = False, groups: int = 1) -> tuple[Task, ...]:
    """Return the tasks of a pipeline whose extract is cut into so many slices.

    Args:
        slices: how many there are.
        unloads: whether an engine unloads what they read.
        groups: how many tasks prove the outputs.
    """
    left_out = {"reconcile", "publish"} if groups == 1 else {"load"}
    if slices == 1:
        left_out.add("join_slices")
    if not unloads:
        left_out.add("unload")
    return tuple(task for task in TASKS if task.task_id not in left_out)


def in_order(things: Iterable[_T], key: Callable[[_T], tuple[str, int]]) -> list[_T]:
    """Sort what belongs to tasks of a DAG as a run goes through them.

    Args:
        things: what is to be sorted.
        key: returns the id and the map index of a thing's task; in a group, with the group's id.
    """
    ranks = {task.task_id: rank for rank, task in enumerate(TASKS)}

    def place(thing: _T) -> tuple[str, int, int]:
        group, _, task_id = key(thing)[0].rpartition(".")
        return group, ranks.get(task_id, len(ranks)), key(thing)[1]

    return sorted(things, key=place)
