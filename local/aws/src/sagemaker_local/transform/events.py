"""An EventBridge event for every change of a job.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html: the
detail mirrors DescribeTransformJob; its times are milliseconds since the epoch. Events are kept for
`GET /_local/events`, and put on moto's default bus, whose rules may send them on.
"""

from __future__ import annotations

import collections
import json
import logging
import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.events.models import events_backends

from sagemaker_local.transform.describe import describe

if TYPE_CHECKING:
    from sagemaker_local.transform.jobs import Job

SOURCE = "aws.sagemaker"
DETAIL_TYPE = "SageMaker Transform Job State Change"
_KEPT = 10_000
_TIMES = ("CreationTime", "TransformStartTime", "TransformEndTime")
_log = logging.getLogger(__name__)


class EventLog:
    """The events there were, oldest first; the oldest are dropped beyond ten thousand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: collections.deque[dict[str, Any]] = collections.deque(maxlen=_KEPT)

    def emit(self, job: Job, now: float) -> None:
        """Record the event of the state a job has now, and put it on the default bus."""
        event = _event(job, now)
        with self._lock:
            self._events.append(event)
        try:
            _put(event)
        except Exception:
            _log.exception("a rule's target did not take the event of %s", job.spec.name)

    def all(self) -> list[dict[str, Any]]:
        """Every event that is kept."""
        with self._lock:
            return list(self._events)

    def reset(self) -> None:
        """Forget them."""
        with self._lock:
            self._events.clear()


def _event(job: Job, now: float) -> dict[str, Any]:
    detail = describe(job)
    detail |= {name: int(detail[name] * 1000) for name in _TIMES if name in detail}
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": DEFAULT_ACCOUNT_ID,
        "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": job.spec.region,
        "resources": [job.spec.arn],
        "detail": detail,
    }


def _put(event: dict[str, Any]) -> None:
    backend = events_backends[DEFAULT_ACCOUNT_ID][event["region"]]
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Resources": event["resources"],
    }
    backend.put_events([entry])
