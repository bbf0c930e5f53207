"""One transform job: its request and its status."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """What was requested, fixed at creation.

    Args:
        request: the checked members of CreateTransformJob.
        model: what DescribeModel says of the model, at creation.
        switches: the values that hold for this job.
        faults: what goes wrong with it, on purpose.
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
    """The status of a job. Times are seconds since the epoch."""

    status: str
    modified: float
    started: float | None = None
    ended: float | None = None
    reason: str | None = None


class Job:
    """A job: its spec, and a state that only makes allowed transitions."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.stored: list[str] = []
        self._state = State(status=IN_PROGRESS, modified=spec.created)
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """Its status now."""
        return self._state

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._state.status == STOPPING

    def start(self, now: float) -> bool:
        """Record the start; False when the job is no longer in progress."""
        with self._lock:
            if self._state.status != IN_PROGRESS:
                return False
            self._set(status=IN_PROGRESS, modified=now, started=now)
            return True

    def move(self, status: str, now: float, reason: str | None = None) -> bool:
        """Change to a status if that may follow; a Stopping job can only become Stopped."""
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

    def bring_back(self, state: State, stored: Iterable[str], now: float) -> None:
        """Be as the job was that a process before this one kept."""
        with self._lock:
            self.stored = list(stored)
            is_over = state.status in TERMINAL
            self._state = state if is_over else replace(state, status=STOPPED, ended=now)

    def _set(self, **fields: Any) -> None:
        self._state = State(**fields)
