"""``batch-transform capacity``: whether a night is carried, and what to turn where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from batch_transform.cli.command import Flags
from batch_transform.cli.result import Outcome
from batch_transform.scoring.capacity.night import Night, SourceKind
from batch_transform.scoring.capacity.rates import Rates, with_overrides
from batch_transform.scoring.capacity.stages import Stage
from batch_transform.scoring.capacity.verdict import Turn, Verdict, verdict
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline.fields import Duration

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True, kw_only=True)
class CapacityFlags(Flags):
    """What is to be scored, and what there is to do it with.

    The fields are what ``--help`` says of them.
    """

    rows: Annotated[float, typer.Option(min=1, max=1e12, help="Records of a partition.")]
    model_speed: Annotated[
        float, typer.Option(min=1e-6, help="Records a second that one instance scores.")
    ]
    bytes_per_record: Annotated[
        float, typer.Option(min=1, help="Size of a record in a shard, before compression.")
    ] = 100
    deadline: Annotated[str, typer.Option(help="From the start of a run to its end.")] = "6h"
    source: Annotated[
        SourceKind, typer.Option(help="What is read: a query of PostgreSQL, files, a warehouse.")
    ] = "query"
    slices: Annotated[int, typer.Option(min=1, help="extract.slices")] = 1
    jobs: Annotated[int, typer.Option(min=1, help="transform.jobs")] = 1
    instances: Annotated[int, typer.Option(min=1, help="transform.instance_count, of each job")] = 1
    groups: Annotated[int, typer.Option(min=1, help="load.groups")] = 1
    shard_mb: Annotated[float, typer.Option(min=0.1, help="shards.max_bytes, in MB")] = 64
    quota: Annotated[
        int | None, typer.Option(min=1, help="Instances that the account may run; else enough.")
    ] = None
    workers: Annotated[int, typer.Option(min=1, help="Workers of the executor.")] = 1
    slots: Annotated[int, typer.Option(min=1, help="Tasks that a worker runs at once.")] = 16
    cores: Annotated[int, typer.Option(min=1, help="Cores of a worker.")] = 2
    pool: Annotated[
        int | None, typer.Option(min=1, help="Slots of the pool of the extract's tasks.")
    ] = None
    max_active_tasks: Annotated[
        int | None, typer.Option(min=1, help="Tasks of a run at once, else what the DAG has.")
    ] = None
    rate: Annotated[
        list[str] | None,
        typer.Option(help="A figure of your own, such as load=500000; may be repeated."),
    ] = None


def capacity(flags: CapacityFlags) -> Outcome:
    """Say how long each task of a night takes, which limit is hit first, and what to turn.

    Asks nobody: it calculates with rates that were measured, which it names.
    """
    rates = with_overrides(dict(_given(flags.rate or ())))
    seen = verdict(_night(flags), rates)
    return Outcome(text="\n".join(_lines(seen, rates)), content=_content(seen, rates))


def _night(flags: CapacityFlags) -> Night:
    try:
        deadline: timedelta = TypeAdapter(Duration).validate_python(flags.deadline)
    except ValidationError as error:
        words = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"--deadline is {flags.deadline!r}; it {words}") from error
    return Night(
        rows=round(flags.rows),
        record_bytes=flags.bytes_per_record,
        model_speed=flags.model_speed,
        deadline=deadline.total_seconds(),
        source=flags.source,
        slices=flags.slices,
        jobs=flags.jobs,
        instances=flags.instances,
        groups=flags.groups,
        shard_bytes=round(flags.shard_mb * 1e6),
        quota=flags.instances * flags.jobs if flags.quota is None else flags.quota,
        workers=flags.workers,
        slots=flags.slots,
        cores=flags.cores,
        pool=flags.pool,
        max_active_tasks=flags.max_active_tasks,
    )


def _given(texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    for text in texts:
        name, _, value = text.partition("=")
        try:
            yield name, float(value)
        except ValueError:
            raise ConfigurationError(
                f"--rate is {text!r}; give a name and a number, such as load=500000"
            ) from None


def _lines(seen: Verdict, rates: Rates) -> Iterator[str]:
    yield f"{'task':<16}{'tasks':>6}{'at once':>9}{'time':>14}  held by"
    for stage in seen.stages:
        time = _time(stage.seconds)
        line = f"{stage.task:<16}{stage.tasks:>6}{stage.at_once:>9}{time:>14}  {stage.held_by}"
        yield line.rstrip()
    verdict = "in time" if seen.is_carried else "NOT IN TIME"
    if seen.refusals:
        verdict = "REFUSED"
    yield f"{'the run':<16}{_time(seen.seconds):>29}  of {_time(seen.night.deadline)}: {verdict}"
    yield ""
    for refusal in seen.refusals:
        yield f"Refused: {refusal}"
    yield f"First limit: {seen.first_limit}"
    yield from _cures(seen)
    yield "Rates:"
    for name in _used(seen.stages, seen.night):
        rate = rates[name]
        yield f"  {name} = {rate.value:,} {rate.unit}, {rate.of} ({rate.by})"


def _cures(seen: Verdict) -> Iterator[str]:
    if seen.is_carried:
        yield f"As it is, {seen.most_rows:,} rows are scored in time"
    for turn in seen.turns:
        yield f"Turn: {_changed(turn)}: {_time(turn.seconds)}"
    if not (seen.refusals or seen.is_carried or seen.is_cured):
        left = f"; as it is, {seen.most_rows:,} rows are scored in time" if seen.most_rows else ""
        yield (
            "Nothing that is turned here brings it in time: a faster model, larger workers, or a"
            f" later deadline must{left}"
        )


def _changed(turn: Turn) -> str:
    return ", ".join(f"{name} {old:,} → {new:,}" for name, (old, new) in turn.changes.items())


def _used(stages: Sequence[Stage], night: Night) -> list[str]:
    reader = "query" if night.source == "query" else "parquet"
    of_task = {"unload": "unload", "extract": reader, "join_slices": "copy"}
    of_task |= {"load": "load", "reconcile": "prove", "publish": "publish"}
    used = (of_task[stage.task] for stage in stages if stage.task in of_task)
    return [*used, "look", "task", "startup"]


def _content(seen: Verdict, rates: Rates) -> dict[str, Any]:
    return {
        "stages": [asdict(stage) for stage in seen.stages],
        "seconds": seen.seconds,
        "deadline_seconds": seen.night.deadline,
        "carried": seen.is_carried,
        "refusals": list(seen.refusals),
        "first_limit": seen.first_limit,
        "turns": [asdict(turn) for turn in seen.turns],
        "most_rows": seen.most_rows,
        "rates": {name: asdict(rates[name]) for name in _used(seen.stages, seen.night)},
    }


def _time(seconds: float) -> str:
    """Write a duration in its two largest units."""
    left = round(seconds)
    words: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or words:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "0 s"
