"""What a load puts into Airflow's metrics, StatsD or OpenTelemetry, whichever is switched on.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/metrics.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow.sdk.observability import stats

from batch_transform.scoring.publish.loaded import Loaded
from batch_transform.scoring.warehouse.ledger import Entry

_HOUR = 3600


def measure(loaded: Loaded, prices: Mapping[str, float]) -> None:
    """Set the gauges of a pipeline to its latest load."""
    for name, value in gauges(loaded.entry, prices):
        stats.gauge(f"batch_transform.{name}", value, tags={"pipeline": loaded.entry.pipeline})


def gauges(entry: Entry, prices: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Yield names and values; what is not known is left out.

    Args:
        entry: of the load.
        prices: USD for an instance hour, by instance type.
    """
    yield "rows", entry.rows
    yield "bad_records", entry.quarantined
    yield "jobs", entry.transform_jobs
    if entry.transform_seconds:
        yield "rows_per_second", entry.rows / entry.transform_seconds
        hours = entry.transform_seconds * entry.instance_count / _HOUR
        yield "instance_hours", hours
        if entry.instance_type in prices:
            yield "cost", prices[entry.instance_type] * hours
