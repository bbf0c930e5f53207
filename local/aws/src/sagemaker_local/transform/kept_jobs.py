"""Jobs that outlast the process: what is kept of them, and how they go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sagemaker_local.transform import jobs, tags
from sagemaker_local.transform.jobs import Job, Spec, State
from sagemaker_local.transform.runner import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sagemaker_local.transform.runner import RunContext


@dataclass(frozen=True, kw_only=True)
class KeptJob:
    """What is kept of a job."""

    spec: Spec
    state: State
    stored: tuple[str, ...]
    tags: tuple[dict[str, str], ...]


def kept(runs: Iterable[Run]) -> list[KeptJob]:
    """Say what is to be kept of jobs."""
    return [
        KeptJob(
            spec=run.job.spec,
            state=run.job.state,
            stored=tuple(run.job.stored),
            tags=tuple(tags.of(run.job.spec.region, run.job.spec.name)),
        )
        for run in runs
    ]


def resumed(job: KeptJob, context: RunContext) -> Run:
    """Bring a job back: one that was running runs anew, and one that was stopping has stopped."""
    tags.attach(job.spec.region, job.spec.name, job.tags)
    again = Job(job.spec)
    run = Run(again, context)
    if job.state.status == jobs.IN_PROGRESS:
        run.start()
        return run
    again.bring_back(job.state, job.stored, context.clock.now())
    return run
