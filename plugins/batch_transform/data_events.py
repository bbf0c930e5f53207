"""Events of Airflow assets that say that a source's data have come."""

from __future__ import annotations

from airflow.sdk.execution_time.context import InletEventsAccessor

from batch_transform.scoring.partition import Partition


def has_come(asset: str, partition: Partition) -> bool:
    """Tell whether an asset has an event of a partition.

    That is one with the partition's key, or one without a key after the partition's end; not one
    from before it began. An asset that no DAG declares has no events.
    https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/assets.html

    Args:
        asset: its name.
        partition: the day.
    """
    events = InletEventsAccessor(asset_name=asset).after(partition.start.isoformat())
    return any(
        event.partition_key == partition.label
        if event.partition_key
        else event.timestamp >= partition.end
        for event in events
    )
