"""Faults ordered for a job that happen on its instances. See `sagemaker_local.transform.faults`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sagemaker_local.agent.container import Container

_DEFAULT_DELAY = 1.0


class OrderedFaults:
    """What is to go wrong with the requests of an instance.

    Args:
        orders: fault to its rule.
        containers: what dies when that is ordered.
    """

    def __init__(self, orders: dict[str, Any], containers: Sequence[Container]) -> None:
        slow, dying = orders.get("slow-container"), orders.get("dying-container")
        self._delay = float(slow.get("seconds", _DEFAULT_DELAY)) if slow else 0.0
        self._after = int(dying.get("after", 0)) if dying else None
        self._containers = containers
        self._lock = threading.Lock()
        self._count = 0

    def before_request(self) -> None:
        """Called before each request of any worker."""
        if self._delay:
            time.sleep(self._delay)
        if self._after is None:
            return
        with self._lock:
            self._count += 1
            if self._count > self._after:
                for container in self._containers:
                    container.kill()
