"""The service's clock: real time, which a test may move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Clock:
    """Real time plus an offset, or a moment at which it stands still."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._offset = 0.0
        self._frozen: float | None = None

    def now(self) -> float:
        """Seconds since the epoch, in whole milliseconds, as the service keeps times."""
        exact = self._frozen if self._frozen is not None else time.time() + self._offset
        return round(exact, 3)

    def advance(self, seconds: float) -> None:
        """Move on by this much."""
        with self._changed:
            if self._frozen is not None:
                self._frozen += seconds
            else:
                self._offset += seconds
            self._changed.notify_all()

    def freeze(self) -> None:
        """Stand still until `advance` or `reset`."""
        with self._changed:
            self._frozen = self.now()
            self._changed.notify_all()

    def reset(self) -> None:
        """Back to real time."""
        with self._changed:
            self._offset, self._frozen = 0.0, None
            self._changed.notify_all()

    def wake(self) -> None:
        """Let everyone who waits look again."""
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, moment: float, unless: Callable[[], bool]) -> None:
        """Wait for a moment of this clock, or until `unless` holds (see `wake`)."""
        with self._changed:
            while not unless() and (left := moment - self.now()) > 0:
                self._changed.wait(None if self._frozen is not None else min(left, 60.0))
