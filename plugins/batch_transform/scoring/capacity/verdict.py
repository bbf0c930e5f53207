"""Whether a night is carried, which limit it hits first, and what to turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from batch_transform.scoring.capacity.night import (
    MOST_GROUPS,
    MOST_INSTANCES,
    MOST_SLICES,
    Night,
)
from batch_transform.scoring.capacity.rates import Rates
from batch_transform.scoring.capacity.stages import Stage, stages, total

MOST_ROWS = 10**12
_LEAST_GAIN = 0.99  # of the whole run: what turns less is no cure
_AS_GOOD = 1.02  # as the best: then what is turned more easily is taken
# A setting of the night, as people know it.
SETTINGS = {
    "slices": "extract.slices",
    "jobs": "transform.jobs",
    "instances": "transform.instance_count",
    "groups": "load.groups",
    "shard_bytes": "shards.max_bytes",
    "quota": "quota of instances",
    "workers": "workers",
    "slots": "tasks of a worker at once",
    "pool": "slots of the pool",
    "max_active_tasks": "max_active_tasks",
}


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A change of settings, and what it gives.

    Attributes:
        changes: settings by the names people know, each before and after.
        seconds: that the run takes then.
    """

    changes: dict[str, tuple[int, int]]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a night.

    Attributes:
        night: the night.
        stages: of its run.
        refusals: why it would not run at all.
        turns: what to turn so that it is over in time, one after the other.
        most_rows: that are scored in time as it is; 0 where nothing is.
    """

    night: Night
    stages: tuple[Stage, ...]
    refusals: tuple[str, ...]
    turns: tuple[Turn, ...]
    most_rows: int

    @property
    def seconds(self) -> float:
        """From the start of the run to its end."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def is_carried(self) -> bool:
        """Whether the run is over in time."""
        return not self.refusals and self.seconds <= self.night.deadline

    @property
    def longest(self) -> Stage:
        """The stage that takes the most time."""
        return max(self.stages, key=lambda stage: stage.seconds)

    @property
    def first_limit(self) -> str:
        """What is hit first, or would be with more rows."""
        if self.refusals:
            return self.refusals[0]
        held_by = self.longest.held_by or "the number of its tasks"
        share = self.longest.seconds / self.seconds
        return f"{self.longest.task} takes {share:.0%} of the run, and is held by {held_by}"

    @property
    def is_cured(self) -> bool:
        """Whether the run is over in time once all is turned."""
        return bool(self.turns) and self.turns[-1].seconds <= self.night.deadline


def verdict(night: Night, rates: Rates) -> Verdict:
    """Say what becomes of a night.

    Raises:
        ConfigurationError: a rate is needed that nobody has measured.
    """
    return Verdict(
        night=night,
        stages=stages(night, rates),
        refusals=tuple(night.refusals()),
        turns=tuple(_turns(night, rates)),
        most_rows=_most_rows(night, rates),
    )


def _turns(night: Night, rates: Rates) -> Iterator[Turn]:
    """Turn what helps most, again and again, until the run is over in time or nothing helps."""
    if any(night.refusals()):
        return
    before = total(night, rates)
    while before > night.deadline:
        tried = [(each, total(each, rates)) for each in _turned(night)]
        best = min((seconds for _, seconds in tried), default=before)
        enough = min(best * _AS_GOOD, before * _LEAST_GAIN)
        if best > enough:
            return
        turned, seconds = next(each for each in tried if each[1] <= enough)
        yield Turn(changes=dict(_changes(night, turned)), seconds=seconds)
        night, before = turned, seconds


def _turned(night: Night) -> Iterator[Night]:
    """Yield the nights that differ in one setting and what that one needs, the easiest first."""
    doubled: list[dict[str, Any]] = [
        {"slices": min(2 * night.slices, MOST_SLICES)},
        {"groups": min(2 * night.groups, MOST_GROUPS)},
        {"workers": 2 * night.workers},
        {"slots": 2 * night.slots},
        {"instances": min(2 * night.instances, MOST_INSTANCES, night.quota // night.jobs or 1)},
        {"shard_bytes": max(1_000_000, night.shard_bytes // 2)},
        *_with_more_instances(night),
    ]
    if night.pool is not None:
        doubled.append({"pool": 2 * night.pool})
    if night.max_active_tasks is not None:
        doubled.append({"max_active_tasks": 2 * night.max_active_tasks})
    for changes in doubled:
        other = replace(night, **changes)
        if other != night and not any(other.refusals()):
            yield other


def _with_more_instances(night: Night) -> Iterator[dict[str, Any]]:
    """Yield more instances for all jobs, or more jobs, each with the quota it takes."""
    instances = min(2 * night.instances, MOST_INSTANCES)
    yield {"instances": instances, "quota": max(night.quota, instances * night.jobs)}
    yield {"quota": max(night.quota, night.instances * night.jobs)}
    jobs = min(2 * night.jobs, MOST_SLICES)
    yield {
        "jobs": jobs,
        "slices": max(night.slices, jobs),
        "quota": max(night.quota, night.instances * jobs),
    }


def _changes(before: Night, after: Night) -> Iterator[tuple[str, tuple[int, int]]]:
    for name, words in SETTINGS.items():
        values = getattr(before, name), getattr(after, name)
        if values[0] != values[1]:
            yield words, values


def _most_rows(night: Night, rates: Rates) -> int:
    """Find the most rows that are scored in time, by halving."""
    least, most = 0, MOST_ROWS
    while not any(night.refusals()) and least < most:
        middle = (least + most + 1) // 2
        if total(replace(night, rows=middle), rates) <= night.deadline:
            least = middle
        else:
            most = middle - 1
    return least
