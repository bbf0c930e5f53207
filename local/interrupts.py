"""Ctrl-C and termination, wherever they come, without losing sight of a started process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from local.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Held:
    """How many blocks must not be interrupted now, and whether an interrupt waits for them."""

    depth = 0
    waiting = False


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C and termination into Interrupted, once; more of them change nothing.

    A shell starts background commands with SIGINT ignored, so Python's own handler is not enough.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:
        ignore_interrupts()
        if _Held.depth:
            _Held.waiting = True
        else:
            raise Interrupted

    previous = {each: signal.signal(each, interrupt) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let an interrupt wait for the end of a block."""
    _Held.depth += 1
    try:
        yield
    finally:
        _Held.depth -= 1
    if _Held.waiting and not _Held.depth:
        _Held.waiting = False
        raise Interrupted


def ignore_interrupts() -> None:
    """Let nothing interrupt what follows."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
