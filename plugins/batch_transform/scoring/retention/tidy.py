"""Tidies the prefix of a pipeline's runs, one partition after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.jobs.service import Job, TransformJobs
from batch_transform.scoring.names import S3Uri, job_name_start
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.retention.attempts import Attempt, attempts, partitions
from batch_transform.scoring.retention.expiry import Partition, Verdict, verdict
from batch_transform.scoring.warehouse.ledger import Entry
from batch_transform.scoring.warehouse.protocol import Warehouse


@dataclass(frozen=True, kw_only=True)
class Housekeeping:
    """What is needed to tidy the runs of a pipeline.

    Attributes:
        pipeline: the pipeline.
        root: below which the deployment's runs keep their objects.
        objects: where they are.
        jobs: the transform jobs.
        warehouse: whose ledger says what is in force.
        keep: how long each kind of object is kept.
        is_at_work: tells whether a run of the pipeline has not ended; asked before each deletion.
    """

    pipeline: Pipeline
    root: S3Uri
    objects: ObjectStore
    jobs: TransformJobs
    warehouse: Warehouse
    keep: Mapping[str, timedelta]
    is_at_work: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Tidied:
    """What was done.

    Attributes:
        deleted: how many objects of each kind.
        retired: jobs whose outputs no run attaches to any more.
        is_broken_off: whether a run was at work: the rest is left to the next time.
    """

    deleted: Counter[str] = field(default_factory=Counter)
    retired: int = 0
    is_broken_off: bool = False


def tidy(work: Housekeeping) -> Tidied:
    """Delete what nobody can need any more, and retire what is to go next.

    Nothing that was not deleted in a pass that broke off is lost: the next one comes to it again.

    Raises:
        Transient: AWS, or the warehouse, could not be asked.
        AccessRefused: it may not be.
    """
    deleted: Counter[str] = Counter()
    retired = 0
    for said in _verdicts(work):
        if not (said.restore or said.retire or said.delete):
            continue
        if work.is_at_work():
            return Tidied(deleted=deleted, retired=retired, is_broken_off=True)
        deleted.update(_carry_out(work, said))
        retired += len(said.retire)
    return Tidied(deleted=deleted, retired=retired)


def _verdicts(work: Housekeeping) -> Iterator[Verdict]:
    runs = work.root / work.pipeline.name
    busy = frozenset(_busy(work))
    for label, listed in partitions(work.objects, runs):
        day = _day(label)
        if day is None:
            continue
        entry = work.warehouse.in_force(work.pipeline.settings.target, day)
        found = attempts(work.objects, runs / label, listed)
        jobs = [work.jobs.find(name) for name in _job_names(entry, found)]
        partition = Partition(
            attempts=found,
            entry=entry,
            job_places=frozenset(chain.from_iterable(map(_places, jobs))),
            are_jobs_known=None not in jobs and len(jobs) >= (entry.transform_jobs if entry else 0),
            busy=busy,
        )
        yield verdict(partition, work.keep, listed[-1].listed_at)


def _carry_out(work: Housekeeping, said: Verdict) -> Counter[str]:
    objects = work.objects
    objects.delete(said.restore)
    for mark in said.retire:
        objects.put(mark, b'{"by": "housekeeping"}')
    for uris in said.delete.values():
        objects.delete(uris)
    return Counter({kind: len(uris) for kind, uris in said.delete.items()})


def _job_names(entry: Entry | None, found: Iterable[Attempt]) -> set[str]:
    """Name the jobs of the load in force: the ledger knows the first, who loaded it the others."""
    if entry is None or not entry.job_name:
        return set()
    told = (each.jobs for each in found if each.digest == entry.digest)
    return {entry.job_name, *chain.from_iterable(told)}


def _busy(work: Housekeeping) -> Iterator[S3Uri]:
    """Yield what the pipeline's jobs in progress read and write."""
    start = job_name_start(work.pipeline.name)
    for name, _ in work.jobs.running():
        if name.startswith(start):
            yield from _places(work.jobs.find(name))


def _places(job: Job | None) -> Iterator[S3Uri]:
    if job is not None:
        yield S3Uri.parse(job.manifest)
        yield job.output


def _day(label: str) -> date | None:
    """Return the day of a partition's label; None of what is no partition."""
    try:
        day = date.fromisoformat(label)
    except ValueError:
        return None
    return day if day.isoformat() == label else None
