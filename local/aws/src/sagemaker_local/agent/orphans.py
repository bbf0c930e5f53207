"""Processes that a container started and left behind, which on the service end with its instance.

A process that takes a session of its own leaves the agent's process group, so that the end of the
group does not reach it. On Linux its parent's end makes it a child of the agent, which can end it;
elsewhere it is left alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_TASKS = Path("/proc/self/task")


def adopt() -> None:
    """Let every process below this one whose parent ends become a child of this one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end() -> None:
    """End every child there is, and the children it leaves, until there is none."""
    while children := _children():
        for child in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):  # there is no /proc, or a thread just ended
        for task in _TASKS.iterdir():
            children += map(int, (task / "children").read_text().split())
    return children
