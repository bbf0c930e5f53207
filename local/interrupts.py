"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from local.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into Interrupted, and ignore those that follow.

    A shell starts background commands with SIGINT ignored, so Python's own handler is not enough.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:
        ignore_interrupts()
        raise Interrupted

    previous = {each: signal.signal(each, interrupt) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def ignore_interrupts() -> None:
    """Let nothing interrupt what follows."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
