"""How long each task of a run takes, and what keeps it from taking less."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from batch_transform.scoring.capacity.night import Night
from batch_transform.scoring.capacity.rates import Rates
from batch_transform.scoring.errors import ConfigurationError

COPIES_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A task of a run, or several at once.

    Attributes:
        task: its id.
        tasks: how many there are of it.
        at_once: how many of them run at once.
        seconds: from the end of the stage before to the end of the last of them.
        held_by: what keeps it from taking less: a setting, or a part of the deployment.
    """

    task: str
    tasks: int = 1
    at_once: int = 1
    seconds: float
    held_by: str = ""


def stages(night: Night, rates: Rates) -> tuple[Stage, ...]:
    """Return the stages of a run in their order.

    Raises:
        ConfigurationError: a rate is needed that nobody has measured.
    """
    return tuple(_stages(night, rates))


def total(night: Night, rates: Rates) -> float:
    """Return how many seconds a run takes."""
    return sum(stage.seconds for stage in stages(night, rates))


def _stages(night: Night, rates: Rates) -> Iterator[Stage]:
    begin, look = _figure(rates, "task"), _figure(rates, "look")
    yield Stage(task="plan", seconds=begin)
    if night.source == "unload":
        _figure(rates, "unload")
        unloaded = rates["unload"].seconds(night.rows, night.record_bytes)
        yield Stage(task="unload", seconds=begin + unloaded, held_by="the warehouse")
    yield _extract(night, rates)
    shards = night.shards_a_slice * night.slices
    if night.slices > 1:
        copies = math.ceil(shards / COPIES_AT_ONCE) * _figure(rates, "copy")
        yield Stage(task="join_slices", seconds=begin + copies, held_by="shards.max_bytes")
    looks = begin + night.shards_a_job * look
    yield _of_jobs(night, "build_manifest", looks)
    yield _transform(night, rates)
    yield _of_jobs(night, "wait", looks)
    yield _of_jobs(night, "recover", looks)
    yield from _load(night, rates)
    yield Stage(task="report", seconds=begin)


def _extract(night: Night, rates: Rates) -> Stage:
    """Time the slices."""
    at_once, held_by = _least(
        {
            "extract.slices": night.slices,
            **_airflow(night),
            "slots of the pool": night.slices if night.pool is None else night.pool,
        }
    )
    reader = rates["query" if night.source == "query" else "parquet"]
    alone = reader.seconds(night.rows / night.slices, night.record_bytes)
    return Stage(
        task="extract",
        tasks=night.slices,
        at_once=at_once,
        seconds=_in_waves(night, rates, (night.slices, at_once), alone),
        held_by=_or_cores(night, at_once, held_by),
    )


def _load(night: Night, rates: Rates) -> Iterator[Stage]:
    """Time what proves the outputs and loads them: one task, or groups and one that publishes."""
    begin = _figure(rates, "task")
    if night.groups == 1:
        loading = rates["load"].seconds(night.rows, night.record_bytes)
        yield Stage(task="load", seconds=begin + loading, held_by="one connection of load")
        return
    at_once, held_by = _least({"load.groups": night.groups, **_airflow(night)})
    alone = rates["prove"].seconds(night.rows / night.groups, night.record_bytes)
    yield Stage(
        task="reconcile",
        tasks=night.groups,
        at_once=at_once,
        seconds=_in_waves(night, rates, (night.groups, at_once), alone),
        held_by=_or_cores(night, at_once, held_by),
    )
    publishing = rates["publish"].seconds(night.rows, night.record_bytes)
    yield Stage(task="publish", seconds=begin + publishing, held_by="one connection of publish")


def _in_waves(night: Night, rates: Rates, tasks: tuple[int, int], alone: float) -> float:
    """Time tasks, and how many of them run at once, that share the cores of their workers."""
    return sum(
        _figure(rates, "task") + alone * max(1.0, math.ceil(wave / night.workers) / night.cores)
        for wave in _waves(*tasks)
    )


def _or_cores(night: Night, at_once: int, held_by: str) -> str:
    return "cores of the workers" if night.cores * night.workers < at_once else held_by


def _of_jobs(night: Night, task: str, each: float) -> Stage:
    """Time the tasks that only look at what a job reads, or has left."""
    at_once, _ = _least({"": night.jobs, **_airflow(night)})
    waves = math.ceil(night.jobs / at_once)
    return Stage(task=task, tasks=night.jobs, at_once=at_once, seconds=waves * each)


def _airflow(night: Night) -> dict[str, int]:
    return {"max_active_tasks": night.active, "slots of the workers": night.workers * night.slots}


def _transform(night: Night, rates: Rates) -> Stage:
    """Time the jobs: in waves where the quota does not allow all at once.

    An object is of one instance, so the last of them may work while the others are done.
    """
    # Where all jobs run at once, more instances of each are what is left to add.
    at_once, held_by = _least(
        {
            "transform.instance_count": night.jobs,
            "the quota": max(1, night.quota // night.instances),
        }
    )
    objects = math.ceil(night.shards_a_job / night.instances)
    records = night.rows / night.slices / night.shards_a_slice
    works = _figure(rates, "startup") + objects * records / night.model_speed
    starting, _ = _least({"": at_once, **_airflow(night)})
    begin = math.ceil(at_once / starting) * _figure(rates, "task")
    waves = math.ceil(night.jobs / at_once)
    return Stage(
        task="transform",
        tasks=night.jobs,
        at_once=at_once,
        seconds=waves * (begin + works),
        held_by=held_by,
    )


def _least(bounds: Mapping[str, int]) -> tuple[int, str]:
    """Return the least bound and its name; of equal ones the first."""
    name = min(bounds, key=lambda each: bounds[each])
    return bounds[name], name


def _waves(tasks: int, at_once: int) -> Iterator[int]:
    for start in range(0, tasks, at_once):
        yield min(at_once, tasks - start)


def _figure(rates: Rates, name: str) -> float:
    value = rates[name].value
    if value is None:
        raise ConfigurationError(
            f"Nobody can say how fast {rates[name].of} is: give --rate {name}=… in"
            f" {rates[name].unit}, from {rates[name].by}"
        )
    return value
