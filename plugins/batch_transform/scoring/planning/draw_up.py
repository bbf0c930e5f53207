"""Draws up the plan of a run: asks, and changes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from batch_transform.scoring.asked import Asked
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import look, request
from batch_transform.scoring.jobs.models import Models, foreseen
from batch_transform.scoring.jobs.request_checks import check
from batch_transform.scoring.names import S3Uri, generation_name
from batch_transform.scoring.partition import Resolved
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.planning.effort import effort
from batch_transform.scoring.planning.outlook import UNKNOWN_DIGEST, Outlook, Wanted, outlook
from batch_transform.scoring.planning.plan import InForce, Plan
from batch_transform.scoring.recovery.pieces import layout_of, read_index
from batch_transform.scoring.sources.protocol import Expected
from batch_transform.scoring.warehouse.ledger import Entry

_DIGEST = "<digest>"
_ATTEMPT = "<attempt>"


class Services(look.Services, Protocol):
    """What is asked of AWS."""

    @property
    def models(self) -> Models:
        """SageMaker's models."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a run before it begins.

    Attributes:
        pipeline: as the run wants it.
        asked: what was asked of the run.
        unpublished: why nothing is published; empty where the partition is replaced.
        resolved: the partition.
        root: prefix of all runs' objects.
        prices: USD for an instance hour, by instance type.
        source: what there is to read.
        in_force: entry of the load that the partition holds.
        history: entries of the partitions before it.
    """

    pipeline: Pipeline
    asked: Asked
    unpublished: str
    resolved: Resolved
    root: S3Uri
    prices: Mapping[str, float]
    source: Expected
    in_force: Entry | None
    history: Sequence[Entry]

    @property
    def before(self) -> list[Entry]:
        """Entries that show what a run takes."""
        held = self.in_force
        mine = held is not None and held.pipeline == self.pipeline.name
        return [*([held] if held and mine else []), *self.history]


def draw_up(known: Known, services: Services) -> Plan:
    """Say what a run will do.

    Raises:
        RequestRefused: SageMaker would refuse its job, or has no such model.
    """
    settings, partition = known.pipeline.settings, known.resolved.partition
    wanted = _wanted(known, services)
    index = _loaded(known.in_force, services)
    shards = _shards(known, index)
    is_whole = not (known.asked.sample or known.asked.resubmit)
    job = outlook(services, wanted, index if is_whole else None)
    records = known.source.rows
    return Plan(
        pipeline=known.pipeline.name,
        partition=partition.label,
        named_by=known.resolved.named_by,
        timezone=partition.timezone,
        bounds={
            "partition": partition.label,
            "partition_start": partition.start.isoformat(),
            "partition_end": partition.end.isoformat(),
        },
        asked=known.asked.changes,
        query=known.pipeline.query,
        source=known.source,
        shards=shards,
        request=_request(known, wanted, shards, job),
        job=job,
        target=settings.target.table,
        unpublished=known.unpublished,
        in_force=_in_force(known.in_force),
        effort=effort(known.before, records, settings.transform, known.prices),
        cost_limit=settings.limits.cost,
    )


def _wanted(known: Known, services: Services) -> Wanted:
    settings = known.pipeline.settings
    model = foreseen(services.models, settings.model)
    return Wanted(
        pipeline=known.pipeline.name,
        partition=known.resolved.partition.label,
        request={**request.build(settings), "ModelName": model.name},
        model=model,
        instance_types=settings.transform.kinds,
        forced=known.asked.force_rerun,
        jobs=settings.transform.jobs,
    )


def _loaded(entry: Entry | None, services: Services) -> ExtractIndex | None:
    """Read the index of the extract whose records are in force; None where it has not all."""
    job = services.jobs.find(entry.job_name) if entry and entry.job_name else None
    index = read_index(services.objects, layout_of(job)) if job else None
    return None if index and index.resubmits else index


def _shards(known: Known, index: ExtractIndex | None) -> int:
    """Estimate the shards: as large as those before were, and as many as there must be."""
    rows, limits = known.source.rows, known.pipeline.settings.shards
    if rows == 0:
        return 0
    least = limits.min_count if rows is None else min(limits.min_count, rows)
    if index is None or not index.records:
        return least
    expected = index.records if rows is None else rows
    return max(least, math.ceil(len(index.shards) * expected / index.records))


def _request(known: Known, wanted: Wanted, shards: int, job: Outlook) -> dict[str, Any]:
    """Check the request as it will be sent, and return what others may see of it."""
    attempt = known.root / wanted.pipeline / wanted.partition / _ATTEMPT
    sent = request.fitted(wanted.request, max(1, math.ceil(shards / wanted.jobs)))
    sent = request.reading(sent, attempt / "manifest.json")
    sent = request.writing(sent, attempt / "output" / generation_name(1))
    count = sent["TransformResources"]["InstanceCount"]
    check({**sent, "TransformJobName": wanted.name(UNKNOWN_DIGEST)}, count, wanted.instance_types)
    name = f"{job.name}{_DIGEST}" if job.how == "unknown" else job.name
    return {"TransformJobName": name, **request.public(sent)}


def _in_force(entry: Entry | None) -> InForce | None:
    if entry is None:
        return None
    means = {name: each.get("mean") for name, each in entry.profile.items()}
    return InForce(
        rows=entry.rows,
        run_id=entry.run_id,
        model=entry.model,
        job_name=entry.job_name,
        loaded_at=entry.loaded_at.isoformat(),
        digest=entry.digest,
        means={name: mean for name, mean in means.items() if mean is not None},
    )
