"""Which transform job a run will get: known before the extract where its records are known ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.look import Services, is_usable
from batch_transform.scoring.jobs.models import ModelFacts
from batch_transform.scoring.jobs.service import IN_PROGRESS, Job, TransformJobs
from batch_transform.scoring.jobs.start import best
from batch_transform.scoring.names import job_name

UNKNOWN_DIGEST = "0" * 12
_MOST_GENERATIONS = 9  # that are looked for; more are rare, and each is a call


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is known of a run's transform job.

    Attributes:
        name: of the job where the records are those of the load in force; else its beginning.
        how: ``start``, ``attach`` or ``reuse`` where they are; ``unknown`` where nothing is known.
        why: one sentence.
    """

    name: str
    how: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a run asks of the service, but for its records.

    Attributes:
        pipeline: begins the job's name.
        partition: the partition's label.
        request: CreateTransformJob's request without what is known at its start only.
        model: the model.
        instance_types: in the order in which they are tried.
        forced: whether only a job that this run has started will do.
        jobs: how many jobs share the records.
    """

    pipeline: str
    partition: str
    request: Mapping[str, Any]
    model: ModelFacts
    instance_types: Sequence[str]
    forced: bool = False
    jobs: int = 1

    def name(self, digest: str, generation: int = 1) -> str:
        """Name the job of a digest."""
        return job_name(self.pipeline, self.partition, digest, generation)


def outlook(services: Services, wanted: Wanted, index: ExtractIndex | None) -> Outlook:
    """Say what becomes of the request where the records are those of an earlier extract.

    Args:
        services: AWS.
        wanted: the request.
        index: of the extract whose records are in force; None where there is none.
    """
    if wanted.jobs > 1:
        return Outlook(
            name=wanted.name(UNKNOWN_DIGEST).removesuffix(UNKNOWN_DIGEST),
            how="unknown",
            why=f"{wanted.jobs} jobs share the records; each is a new one, unless its own were sent"
            " before: their digest ends its name",
        )
    if index is None or not index.shards:
        return Outlook(
            name=wanted.name(UNKNOWN_DIGEST).removesuffix(UNKNOWN_DIGEST),
            how="unknown",
            why="a new job is started, unless the same records were sent before: their digest ends"
            " its name",
        )
    sent = request.fitted(wanted.request, len(index.shards))
    digest = request.digest(sent, index, wanted.model, wanted.instance_types)
    name, how = _found(services, wanted, digest, index)
    return Outlook(
        name=name,
        how=how,
        why=f"where the records are still the {index.records} that are loaded, {_HOW[how]} {name};"
        " else a new one is started",
    )


_HOW = {
    "start": "the job is started as",
    "attach": "the run attaches to the job that is running,",
    "reuse": "no job is paid: the outputs are those of",
}


def _found(services: Services, wanted: Wanted, digest: str, index: ExtractIndex) -> tuple[str, str]:
    """Return the name of the job to come, or that is there, and how the run gets it."""
    earlier = list(_earlier(services.jobs, wanted, digest))
    found = None if wanted.forced else best(earlier, lambda job: is_usable(services, job, index))
    if found is None:
        return wanted.name(digest, len(earlier) + 1), "start"
    return found.name, "attach" if found.status == IN_PROGRESS else "reuse"


def _earlier(jobs: TransformJobs, wanted: Wanted, digest: str) -> Iterator[Job]:
    for generation in range(1, _MOST_GENERATIONS + 1):
        job = jobs.find(wanted.name(digest, generation))
        if job is None:
            return
        yield job
