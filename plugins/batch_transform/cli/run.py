"""``batch-transform run``: a partition scored from a shell, without Airflow's scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from batch_transform.cli.command import Flags
from batch_transform.cli.found import pipeline_named
from batch_transform.cli.options import DEFAULT_ROOT, Parameters, PartitionDay, PipelineName, Root
from batch_transform.cli.result import Outcome
from batch_transform.cli.walked import parameters, walked


@dataclass(frozen=True, kw_only=True)
class RunFlags(Flags):
    """What is scored, and what becomes of it.

    The fields are what ``--help`` says of them.
    """

    pipeline: PipelineName
    partition: PartitionDay
    limit: Annotated[
        int | None, typer.Option(min=1, help="Score the first so many records alone.")
    ] = None
    publish: Annotated[bool, typer.Option("--publish", help="Replace the partition.")] = False
    param: Parameters = None
    root: Root = DEFAULT_ROOT


def run(flags: RunFlags) -> Outcome:
    """Score a partition with the connections of the environment, without Airflow's scheduler.

    Predictions are checked, and compared with the partition, which stays as it is unless --publish
    is given. Ctrl-C stops the transform job.
    """
    asked: dict[str, Any] = {"partition": flags.partition, "publish": flags.publish}
    if flags.limit is not None:
        asked["sample"] = flags.limit
    left = walked(pipeline_named(flags.pipeline, flags.root), asked | parameters(flags.param or []))
    return Outcome(text="\n".join(_shown(left)), content=dict(left))


def _shown(left: Mapping[str, Any]) -> Iterator[str]:
    jobs, loaded = left["transform"], left.get("publish") or left["load"]
    for job in jobs if isinstance(jobs, list) else [jobs]:
        if job is None:
            continue
        yield f"job         {job['job_name']} ({job['how']}, {job['status']})"
        yield f"predictions {job['output']}"
    yield f"rows        {loaded['rows']}, {_what_became(loaded)}"
    if loaded["quarantined"]:
        yield f"quarantined {loaded['quarantined']} records"
    for finding in loaded["findings"]:
        yield f"check       {finding}"


def _what_became(loaded: Mapping[str, Any]) -> str:
    if not loaded["published"]:
        return loaded["replaces"] or "not published: --publish replaces the partition"
    return "published" if loaded["changed"] else "which the partition held already"
