"""``batch-transform report``: what the last run of a partition did."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from batch_transform.cli.command import Flags
from batch_transform.cli.found import pipeline_named
from batch_transform.cli.options import DEFAULT_ROOT, PartitionDay, PipelineName, Root
from batch_transform.cli.result import Outcome
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import PartitionError
from batch_transform.scoring.reports.keep import latest
from batch_transform.scoring.reports.report import RunReport


@dataclass(frozen=True, kw_only=True)
class ReportFlags(Flags):
    """Whose report is shown.

    The fields are what ``--help`` says of them.
    """

    pipeline: PipelineName
    partition: PartitionDay
    root: Root = DEFAULT_ROOT


def report(flags: ReportFlags) -> Outcome:
    """Show what the last run of a partition sent, scored, set aside, loaded and cost.

    It is the newest report in S3, of whichever run; that has a page for people, too.
    """
    pipeline = pipeline_named(flags.pipeline, flags.root)
    found = _found(pipeline.name, flags.partition)
    return Outcome(text="\n".join(_shown(found)), content=json.loads(found.to_json()))


def _found(pipeline: str, partition: str) -> RunReport:
    from batch_transform.cli.connected import quiet

    quiet()
    from batch_transform.connections import Aws

    deployment = Deployment.from_environ(os.environ)
    place = deployment.root / pipeline / partition
    found = latest(place, Aws(deployment.aws_conn_id).objects)
    if found is None:
        raise PartitionError(
            f"No run of partition {partition} has left a report below {place}; one that"
            " batch-transform run began, and that failed, leaves none beside its error"
        )
    return found


def _shown(report: RunReport) -> Iterator[str]:
    funnel = report.funnel
    yield f"run         {report.run_id} ({report.state})"
    yield f"source      {funnel.source_rows} rows, {funnel.records} records sent"
    for job in report.jobs:
        paid = "" if job.paid_here else ", paid before"
        yield f"job         {job.name}: {job.status}, {job.seconds:.0f} s{paid}"
    yield f"predictions {funnel.rows} rows, {funnel.quarantined or 0} records quarantined"
    for each in report.predictions:
        mean = "" if each.mean is None else f"mean {each.mean:.6g}, "
        yield f"            {each.name}: {mean}{each.nulls} NULL"
    for check in report.checks:
        if check.facts:
            yield f"check       {check.name}: {check.facts}"
    if report.dollars is not None:
        yield f"cost        {report.dollars:.2f} USD"
    yield f"page        {report.places.get('page', '')}"
