"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

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

    with _handled_by(interrupt):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nothing interrupt what is done meanwhile.

    The handlers are restored afterwards: child processes inherit the signals that are ignored.
    """
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def _handled_by(
    handler: Callable[[int, FrameType | None], Any] | signal.Handlers,
) -> Iterator[None]:
    previous = {each: signal.signal(each, handler) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, before in previous.items():
            signal.signal(each, before)


def ignore_interrupts() -> None:
    """Let nothing interrupt what follows."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
