"""A job's log streams in moto's CloudWatch Logs.

https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html: group
`/aws/sagemaker/TransformJobs`, streams `job/instance-epoch` and `job/instance-epoch/data-log`.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends

GROUP = "/aws/sagemaker/TransformJobs"
_lock = threading.Lock()


class InstanceLogs:
    """The streams of one instance.

    Args:
        region: where the job runs.
        job_name: its name.
        now: its start, in seconds since the epoch.
    """

    def __init__(self, region: str, job_name: str, now: float) -> None:
        self._region = region
        self._stem = f"{job_name}/i-0{secrets.token_hex(8)}-{int(now)}"

    def add(self, stream: str, lines: list[str]) -> None:
        """Add lines to `data-log`, or to a container's stream (named `""` when there is one)."""
        name = f"{self._stem}/{stream}" if stream else self._stem
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines]
        with _lock:
            group = self._group()
            if name not in group.streams:
                group.create_log_stream(name)
            group.put_log_events(name, events)

    def _group(self) -> Any:
        backend = logs_backends[DEFAULT_ACCOUNT_ID][self._region]
        backend.ensure_log_group(GROUP)
        return backend.groups[GROUP]
