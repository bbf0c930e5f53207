"""Quarantined records as rows of a table that has no type for lists: the id is JSON."""

from __future__ import annotations

import json
from typing import Any

from batch_transform.scoring.records.quarantine import Quarantined, writable
from batch_transform.scoring.warehouse.protocol import Load


def quarantined_row(load: Load, record: Quarantined) -> dict[str, Any]:
    """Return the values of the quarantine's columns, in their order."""
    return {
        "target": load.target.table,
        "pipeline": load.entry.pipeline,
        "partition": load.partition,
        "id": json.dumps([writable(part) for part in record.id], ensure_ascii=False),
        "shard": record.shard,
        "line": record.line,
        "status": record.status,
        "reason": record.reason,
        "attempt": load.entry.run_id,
    }
