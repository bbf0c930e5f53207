"""What a run has left in S3 and in SageMaker, as far as it has come.

``plan.json`` and ``loaded.json`` are of other tasks, and of other versions of this package, too: a
report does without what is not there, or is spelt otherwise. All of that tolerance is here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ObjectMissing
from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.frozen import damaged
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.jobs.owners import RUN_TAG
from batch_transform.scoring.jobs.service import Job, TransformJobs
from batch_transform.scoring.names import RunLayout, S3Uri, job_name
from batch_transform.scoring.outputs.coverage import Coverage, together
from batch_transform.scoring.records import quarantine
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.reports.comparison import Comparison, Flips
from batch_transform.scoring.reports.part import Part
from batch_transform.scoring.warehouse.ledger import Entry

_ROUND = re.compile(r"/recover/[^/]+/round-\d+-([0-9a-f]+)/manifest\.json$")


class LoadedFile(Part):
    """What a load did, or would have done, as ``loaded.json`` has it.

    Attributes:
        replaced_rows: rows that the partition held before.
        changed: False where it held this load already, or was not to be replaced.
        unpublished: why it was not to be; empty where it was.
        findings: what the checks said.
        flips: those that say otherwise than before.
        comparison: with the rows that were in force; None where there were none, or the same.
        entry: of the load, for the ledger.
    """

    replaced_rows: int | None = None
    changed: bool | None = None
    unpublished: str = ""
    findings: tuple[str, ...] = ()
    flips: Flips = Flips()
    comparison: Comparison | None = None
    entry: Entry | None = None


@dataclass(frozen=True, kw_only=True)
class Trail:
    """What the tasks of a run have handed on, by which the rest is found; empty where nothing.

    Attributes:
        index: URI of the extract's index.
        job_names: the transform job, or those that share the records.
        coverages: URIs of what ``recover`` left of each.
        run_tag: tag of the jobs that the run has started.
    """

    index: str = ""
    job_names: tuple[str, ...] = ()
    coverages: tuple[str, ...] = ()
    run_tag: str = ""


@dataclass(frozen=True, kw_only=True)
class RanJob:
    """A transform job, and whether the run has started it."""

    job: Job
    paid_here: bool


@dataclass(frozen=True, kw_only=True)
class Left:
    """What was found.

    Attributes:
        layout: where the run's objects lie.
        index: what the extract wrote.
        snapshot_at: when it read its source.
        quarantined: records without a prediction.
        jobs: the transform job, or those that share the records, then those that sent records
            again, by their creation.
        first_jobs: how many of the jobs did not send again.
        plan: what was expected.
        loaded: what the load did.
    """

    layout: RunLayout | None = None
    index: ExtractIndex | None = None
    snapshot_at: datetime | None = None
    quarantined: tuple[Quarantined, ...] = ()
    jobs: tuple[RanJob, ...] = ()
    first_jobs: int = 1
    plan: dict[str, Any] | None = None
    loaded: LoadedFile | None = None


def read_left(trail: Trail, services: Services) -> Left:
    """Read what a run has left so far.

    Raises:
        ObjectDamaged: it has left, or handed on, something else than it wrote.
        Transient: AWS could not be asked.
        AccessRefused: it may not be.
    """
    if not trail.index:
        return Left()
    objects, layout = services.objects, _layout(trail.index)
    body = _get(objects, layout.index)
    if body is None:
        return Left(layout=layout)
    index = ExtractIndex.from_json(body)
    coverage = _coverage(trail, objects)
    kept = _get(objects, layout.quarantine / quarantine.FILE_NAME)
    names = coverage.jobs if coverage else _rounds(index, layout, objects)
    firsts = _found(trail.job_names, services.jobs)
    again = sorted(_found(names, services.jobs), key=lambda job: job.created)
    return Left(
        layout=layout,
        index=index,
        snapshot_at=snapshot.read(layout, objects),
        quarantined=tuple(_quarantined(kept, coverage)),
        jobs=tuple(_ran([*firsts, *again], trail.run_tag, services.jobs)),
        first_jobs=len(firsts),
        plan=_plan(_get(objects, layout.plan)),
        loaded=_loaded(_get(objects, layout.loaded)),
    )


def uri_of(text: str) -> S3Uri:
    """Return the URI that a task has handed on, or raise ObjectDamaged."""
    try:
        return S3Uri.parse(text)
    except ValueError as error:
        raise damaged("URI", str(error)) from None


def _layout(index: str) -> RunLayout:
    try:
        return RunLayout.of_index(index)
    except ValueError as error:
        raise damaged("index", str(error)) from None


def _get(objects: ObjectStore, uri: S3Uri) -> bytes | None:
    try:
        return objects.get(uri)
    except ObjectMissing:
        return None


def _coverage(trail: Trail, objects: ObjectStore) -> Coverage | None:
    bodies = [_get(objects, uri_of(each)) for each in trail.coverages]
    found = [Coverage.from_json(body) for body in bodies if body]
    return together(found) if found else None


def _quarantined(kept: bytes | None, coverage: Coverage | None) -> list[Quarantined]:
    """Return what the load has put into quarantine, or what is given up where it has not come."""
    if kept is not None:
        return quarantine.from_json_lines(kept)
    return list(coverage.quarantined) if coverage else []


def _rounds(index: ExtractIndex, layout: RunLayout, objects: ObjectStore) -> Iterator[str]:
    """Name the jobs of a recovery that has not ended well: its folders are named as they are."""
    places = [each.attempt_root / "recover" for each in layout.of_jobs(index.jobs)]
    for uri in (uri for place in places for uri in objects.keys(place)):
        found = _ROUND.search(uri.key)
        if found:
            yield job_name(index.pipeline, index.partition.isoformat(), found[1])


def _found(names: Iterable[str], jobs: TransformJobs) -> list[Job]:
    """Describe jobs; a name that no job has is passed over."""
    return [job for name in dict.fromkeys(names) if name and (job := jobs.find(name))]


def _ran(found: Iterable[Job], run_tag: str, jobs: TransformJobs) -> Iterator[RanJob]:
    for job in found:
        yield RanJob(job=job, paid_here=jobs.tags(job.arn).get(RUN_TAG) == run_tag)


def _plan(body: bytes | None) -> dict[str, Any] | None:
    try:
        content = json.loads(body or b"null")
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _loaded(body: bytes | None) -> LoadedFile | None:
    try:
        return LoadedFile.model_validate_json(body) if body else None
    except ValidationError:
        return None
