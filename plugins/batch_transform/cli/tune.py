"""``batch-transform tune``: which settings of the transform job cost the least, by trying them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from batch_transform.cli.asking import asked, names
from batch_transform.cli.command import Flags
from batch_transform.cli.found import pipeline_named
from batch_transform.cli.options import DEFAULT_ROOT, PartitionDay, PipelineName, Root
from batch_transform.cli.result import Outcome
from batch_transform.cli.walked import walked
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import ConfigurationError, PartitionError
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.memory import Chain, JobMemory
from batch_transform.scoring.jobs.models import resolve
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.tuning.advice import Advice
from batch_transform.scoring.tuning.trial import Trial, startup_seconds
from batch_transform.scoring.tuning.trial_jobs import TrialJobs
from batch_transform.scoring.tuning.uphill import Search

_SHARDS = 4  # of the sample: the first alone tells how long a job takes whatever it is sent
_BUDGET = "How many instance minutes the trials may take, of each instance type together"


@dataclass(frozen=True, kw_only=True)
class TuneFlags(Flags):
    """What is tried, and what that may cost.

    The fields are what ``--help`` says of them.
    """

    pipeline: PipelineName
    partition: PartitionDay
    budget: Annotated[
        str | None, typer.Option(help="Instance minutes that the trials may take.")
    ] = None
    limit: Annotated[int, typer.Option(min=8, help="Records that each trial scores.")] = 10_000
    instance_types: Annotated[
        str | None, typer.Option(help="Further instance types to try: ml.c5.large,ml.g4dn.xlarge.")
    ] = None
    poll_seconds: Annotated[float, typer.Option(min=0.05, help="Pause between two looks.")] = 5.0
    root: Root = DEFAULT_ROOT


def tune(flags: TuneFlags) -> Outcome:
    """Find the settings of the transform job that cost the least, by jobs on a sample.

    Strategy, payload, concurrency and instance type are tried one after the other, on one instance
    each, within the budget. No table is changed. Trials that were made before are not paid again.
    """
    budget = _minutes(asked(flags.budget, _BUDGET, "--budget", default="30"))
    pipeline = _in_shards(pipeline_named(flags.pipeline, flags.root))
    left = walked(
        pipeline, {"partition": flags.partition, "sample": flags.limit}, until="build_manifest"
    )
    if left["build_manifest"] is None:
        raise PartitionError(f"Partition {flags.partition} has no records; tune on another day")
    jobs = _trial_jobs(pipeline, left, budget, flags.poll_seconds)
    advice = _searched(jobs, names(flags.instance_types), left["plan"]["rows"])
    return Outcome(
        text="\n".join(advice.lines()),
        content={
            "trials": advice.rows(),
            "best": list(advice.setting_lines()),
            "startup_seconds": advice.startup,
            "used_minutes": advice.used_minutes,
            "complete": advice.is_complete,
        },
    )


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise ConfigurationError(f"--budget is {text!r}; give instance minutes, such as 30")
    return minutes


def _in_shards(pipeline: Pipeline) -> Pipeline:
    """Let the sample be in a few shards, which one job reads."""
    shards = pipeline.settings.shards.model_copy(update={"min_count": _SHARDS})
    transform = pipeline.settings.transform.model_copy(update={"jobs": 1})
    settings = pipeline.settings.model_copy(update={"shards": shards, "transform": transform})
    return pipeline.model_copy(update={"settings": settings})


def _trial_jobs(
    pipeline: Pipeline, left: Mapping[str, Any], budget: float, look_seconds: float
) -> TrialJobs:
    from batch_transform.connections import Aws
    from batch_transform.operators.janitor import BY_HAND

    deployment = Deployment.from_environ(os.environ)
    settings = pipeline.settings
    aws = Aws(deployment.aws_conn_id).encrypting(settings.transform.kms_key)
    layout = RunLayout.of_index((left.get("join_slices") or left["extract"])["index"])
    run_id = f"{BY_HAND}{uuid.uuid4()}"
    memory = JobMemory(memory=_Forgetful(), chain=Chain(attempt=run_id, number=0))
    return TrialJobs(
        services=aws,
        pipeline=pipeline,
        model=resolve(aws.models, settings.model, memory),
        layout=layout,
        index=ExtractIndex.from_json(aws.objects.get(layout.index)),
        owner=Owner(
            deployment=str(deployment.root), dag_id=pipeline.name, run_id=run_id, task_id="tune"
        ),
        budget_minutes=budget,
        look_seconds=look_seconds,
    )


class _Forgetful:
    """Keeps nothing: a command has no attempt before it."""

    def get(self, key: str, default: Any = None) -> Any:
        return default

    def set(self, key: str, value: Any) -> None:
        pass


def _searched(jobs: TrialJobs, kinds: tuple[str, ...], records: int | None) -> Advice:
    transform = jobs.pipeline.settings.transform
    start = Trial(
        instance_type=transform.kinds[0],
        strategy=transform.strategy,
        max_payload_mb=transform.max_payload_mb,
        max_concurrent_transforms=transform.max_concurrent_transforms,
    )
    prices = Deployment.from_environ(os.environ).prices
    known = prices if {start.instance_type, *kinds} <= prices.keys() else {}
    search = Search(measure=jobs.measure, prices=known)
    less, more = jobs.measure(start, shards=1), jobs.measure(start)
    if less is not None and more is not None:
        search = replace(search, startup=startup_seconds(less, more), seen={start: more})
    best = search.best(start, kinds)
    used = sum(jobs.spent) / 60
    return Advice(
        seen=tuple(search.seen.values()),
        best=best,
        startup=search.startup,
        records=records,
        instances=transform.instance_count,
        prices=prices,
        used_minutes=used,
        is_complete=not jobs.is_spent,
    )
