"""Messages from an agent to the service: one JSON document a line on its standard output."""

from __future__ import annotations

import json
import threading
import time
from typing import IO, Any

_LONGEST = 256 * 1024
"""Longest event of CloudWatch Logs; a record that is shown may be longer."""


class Reporter:
    """Writes messages; safe to share between threads.

    Args:
        out: where the service listens.
    """

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._lock = threading.Lock()

    def send(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        text = json.dumps({"kind": kind, **fields})
        with self._lock:
            self._out.write(text + "\n")
            self._out.flush()

    def data_log(self, *lines: str) -> None:
        """Add lines to the job's data-log, stamped as the service stamps them, in UTC."""
        now = time.time()
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}"
        )
        stamped = [f"{stamp}:[sagemaker logs]: {line}"[:_LONGEST] for line in lines]
        self.send("log", stream="data-log", lines=stamped)

    def container_log(self, name: str, lines: list[str]) -> None:
        """Add lines a container wrote."""
        self.send("log", stream=name, lines=lines)
