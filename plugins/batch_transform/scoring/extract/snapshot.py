"""When an extract read its source: of two extracts of a partition, the later one counts.

By the clock of the source where it has one, else by the worker's. It lies beside the index and not
in it, since equal rows give an equal index.
"""

from __future__ import annotations

import json
from datetime import datetime

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ObjectMissing
from batch_transform.scoring.frozen import damaged
from batch_transform.scoring.names import RunLayout


def write(layout: RunLayout, objects: ObjectStore, taken_at: datetime) -> None:
    """Record when the source's snapshot was taken, or a moment before; with a time zone."""
    objects.put(layout.snapshot, json.dumps({"taken_at": taken_at.isoformat()}).encode())


def read(layout: RunLayout, objects: ObjectStore) -> datetime | None:
    """Return the moment; None where there is no record of it.

    Raises:
        ObjectDamaged: the record is something else.
    """
    try:
        body = objects.get(layout.snapshot)
    except ObjectMissing:
        return None
    return _parsed(body)


def _parsed(body: bytes) -> datetime:
    try:
        moment = datetime.fromisoformat(json.loads(body)["taken_at"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged("moment", repr(error)) from None
    if moment.tzinfo is None:
        raise damaged("moment", "it has no time zone")
    return moment
