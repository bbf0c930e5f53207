"""Keeps a report in S3: as JSON for programs, and beside it as a page for people."""

from __future__ import annotations

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ObjectMissing
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.reports.page import report_page
from batch_transform.scoring.reports.report import FILE_NAME, PAGE_NAME, RunReport


def write(report: RunReport, place: S3Uri, objects: ObjectStore) -> RunReport:
    """Write both below a prefix that nothing else writes to; return the report as it is kept."""
    places = {**report.places, "report": str(place / FILE_NAME), "page": str(place / PAGE_NAME)}
    kept = report.model_copy(update={"places": places})
    objects.put(place / PAGE_NAME, report_page(kept).encode())
    objects.put(place / FILE_NAME, kept.to_json())
    return kept


def read(uri: S3Uri, objects: ObjectStore) -> RunReport | None:
    """Return a report; None where it is gone."""
    try:
        return RunReport.from_json(objects.get(uri))
    except ObjectMissing:
        return None


def latest(partition: S3Uri, objects: ObjectStore) -> RunReport | None:
    """Return the newest report below the prefix of a partition; None where there is none."""
    kept = [uri for uri in objects.keys(partition) if uri.key.endswith(f"/{FILE_NAME}")]
    reports = [report for uri in kept if (report := read(uri, objects)) is not None]
    return max(reports, key=lambda report: report.made_at, default=None)
