"""Ports for containers, each given to one at a time.

A port that an operating system calls free may be taken before the container listens, by another
container or by any outgoing connection; and a container that answers on another's port would give
wrong predictions. So they come from below the range of outgoing connections, and are remembered.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST, _LAST = 12000, 32000


class NoPortError(OSError):
    """Every port of the range is taken."""


class Ports:
    """The ports in use. Starts anywhere in the range, as another service may use it too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[int] = set()
        self._next = random.randrange(_FIRST, _LAST)  # noqa: S311 - no secret

    @contextlib.contextmanager
    def reserved(self, count: int) -> Iterator[list[int]]:
        """Free ports, which no one else gets until the block ends.

        Raises:
            NoPortError: there are not enough.
        """
        ports = [self._take() for _ in range(count)]
        try:
            yield ports
        finally:
            with self._lock:
                self._taken.difference_update(ports)

    def _take(self) -> int:
        with self._lock:
            for _ in range(_FIRST, _LAST):
                port = self._next
                self._next = port + 1 if port + 1 < _LAST else _FIRST
                if port not in self._taken and _is_free(port):
                    self._taken.add(port)
                    return port
        raise NoPortError(f"no port from {_FIRST} to {_LAST} is free for a container")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
