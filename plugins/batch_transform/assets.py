"""The asset that a pipeline's target is: each partition that is published is an event of it.

https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/asset-scheduling.html
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.publish.loaded import Loaded


def asset_of(pipeline: Pipeline) -> Asset:
    """Return the asset of a pipeline: its name is the target's table, or prefix."""
    return Asset(name=pipeline.settings.target.table, group="batch-transform")


def announce(operator: BaseOperator, context: Context, loaded: Loaded, layout: RunLayout) -> None:
    """Make the event of a load, which Airflow sends as the task succeeds.

    A load that is not published is none. One that finds the partition as it should be is: the
    attempt that put it there may have died before its event was sent.
    """
    if loaded.unpublished:
        operator.outlets = []
        return
    for asset in operator.outlets:
        event = context["outlet_events"][asset]
        event.extra = _extra(loaded, layout)
        event.add_partitions(loaded.entry.partition.isoformat())


def _extra(loaded: Loaded, layout: RunLayout) -> dict[str, Any]:
    """Return what a consumer needs to know; JSON."""
    entry = loaded.entry
    return {
        "partition": entry.partition.isoformat(),
        "rows": loaded.rows,
        "changed": loaded.changed,
        "digest": entry.digest,
        "model": entry.model,
        "quality": {
            "quarantined": loaded.quarantined,
            "failed_checks": [str(finding) for finding in loaded.findings],
            "means": loaded.means,
        },
        "report": str(layout.reports),
    }
