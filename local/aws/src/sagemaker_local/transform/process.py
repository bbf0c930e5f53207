"""One agent as a process of its own, in a process group of its own with its containers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sagemaker_local.agent.plan import Plan


class AgentProcess:
    """A running agent.

    Args:
        plan: its work.
        grace: seconds between asking it to end and ending it.
    """

    def __init__(self, plan: Plan, grace: float) -> None:
        self._grace = grace + 1.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sagemaker_local.agent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _python_path()},
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self.pid = self._process.pid
        assert self._process.stdin is not None  # noqa: S101 - a pipe, see above
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(plan.to_json()) + "\n")
            self._process.stdin.flush()

    def messages(self) -> Iterator[dict[str, Any]]:
        """The messages of the agent, until it ends."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see `__init__`
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                yield json.loads(line)

    def ask_to_end(self) -> None:
        """Ask the agent to end its containers and itself."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Leave nothing of the agent and its containers."""
        self.ask_to_end()
        try:
            self._process.wait(self._grace)
        except subprocess.TimeoutExpired:
            self._kill_group()
            self._process.wait()
        self._kill_group()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _python_path() -> str:
    """The caller's PYTHONPATH and folder; absolute, as containers run in folders of their own."""
    given = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    return os.pathsep.join(dict.fromkeys(str(Path(each).resolve()) for each in [*given, "."]))
