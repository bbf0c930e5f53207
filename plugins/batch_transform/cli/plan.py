"""``batch-transform plan``: what a run would do, and cost; nothing is started or written."""

from __future__ import annotations

from dataclasses import dataclass

from batch_transform.cli.command import Flags
from batch_transform.cli.found import pipeline_named
from batch_transform.cli.options import DEFAULT_ROOT, Parameters, PartitionDay, PipelineName, Root
from batch_transform.cli.result import Outcome
from batch_transform.cli.walked import parameters, walked


@dataclass(frozen=True, kw_only=True)
class PlanFlags(Flags):
    """Which run is planned.

    The fields are what ``--help`` says of them.
    """

    pipeline: PipelineName
    partition: PartitionDay
    param: Parameters = None
    root: Root = DEFAULT_ROOT


def plan(flags: PlanFlags) -> Outcome:
    """Say what a run would do, which job it would get, and what it would replace and cost.

    Asks the databases and AWS by the connections of the environment; nothing is started.
    """
    asked = {"partition": flags.partition, "dry_run": True, **parameters(flags.param or [])}
    done = walked(pipeline_named(flags.pipeline, flags.root), asked)["plan"]
    return Outcome(text=f"{done['rows']} rows, job {done['job_name']}", content=done)
