"""Faults that a test injects into the requests of a job. See `sagemaker_local.transform.faults`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sagemaker_local.agent.container import Container

_DEFAULT_DELAY = 1.0


class InjectedFaults:
    """What goes wrong with the requests of an instance.

    Args:
        rules: name of a fault to its rule.
        containers: those that `dying-container` kills.
    """

    def __init__(self, rules: dict[str, Any], containers: Sequence[Container]) -> None:
        slow, dying = rules.get("slow-container"), rules.get("dying-container")
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
