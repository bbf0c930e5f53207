"""One transform job: what was asked, and where it stands."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

IN_PROGRESS = "InProgress"
COMPLETED = "Completed"
FAILED = "Failed"
STOPPING = "Stopping"
STOPPED = "Stopped"
TERMINAL = frozenset({COMPLETED, FAILED, STOPPED})

_NEXT = {
    IN_PROGRESS: {COMPLETED, FAILED, STOPPING},
    STOPPING: {STOPPED},
    COMPLETED: set(),
    FAILED: set(),
    STOPPED: set(),
}
_REASON_LENGTH = 1024


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What was asked for, fixed at creation.

    Args:
        request: the checked members of CreateTransformJob.
        model: what DescribeModel says of the model, at creation.
        switches: the values that hold for this job.
        faults: what is to go wrong with it.
    """

    name: str
    arn: str
    region: str
    created: float
    request: dict[str, Any]
    model: dict[str, Any]
    switches: dict[str, Any]
    faults: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a job stands. Times are seconds since the epoch."""

    status: str
    modified: float
    started: float | None = None
    ended: float | None = None
    reason: str | None = None


class Job:
    """A job: its spec, and a state that only moves along the allowed ways."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.stored: list[str] = []
        self._state = State(status=IN_PROGRESS, modified=spec.created)
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """Where it stands now."""
        return self._state

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._state.status == STOPPING

    def start(self, now: float) -> bool:
        """Note the start; False when the job is no longer in progress."""
        with self._lock:
            if self._state.status != IN_PROGRESS:
                return False
            self._set(status=IN_PROGRESS, modified=now, started=now)
            return True

    def move(self, status: str, now: float, reason: str | None = None) -> bool:
        """Take on a status if it may follow; a job that is to stop can only be stopped."""
        with self._lock:
            if status not in _NEXT[self._state.status]:
                return False
            ended = now if status in TERMINAL else None
            self._set(
                status=status,
                modified=now,
                started=self._state.started,
                ended=ended,
                reason=reason[:_REASON_LENGTH] if reason else None,
            )
            return True

    def _set(self, **fields: Any) -> None:
        self._state = State(**fields)
