"""Errors of the laptop stack.

LocalError          what went wrong in one sentence, and where to look
└── ProcessFailed   a process of the stack ended, or never became ready

Interrupted         Ctrl-C or SIGTERM; not an error
"""

from __future__ import annotations

from pathlib import Path


class LocalError(Exception):
    """What went wrong, in one sentence, and where to look."""


class ProcessFailed(LocalError):
    """A process of the stack ended, or never became ready.

    Attributes:
        log: the process's output.
    """

    def __init__(self, what: str, log: Path) -> None:
        """Say what failed, with the last line of its log and where the rest is."""
        self.log = log
        last = last_line(log)
        said = f" It said: {last}" if last else ""
        super().__init__(f"{what}.{said}\nIts log: {log}")


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that no handler of errors catches it."""


def last_line(log: Path) -> str:
    """Return the last line of a log that is not blank, cut to a readable length."""
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4096))
        lines = stream.read().decode(errors="replace").splitlines()
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
