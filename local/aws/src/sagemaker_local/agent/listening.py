"""On which ports the processes below this one listen, as Linux tells; elsewhere nobody knows.

https://man7.org/linux/man-pages/man5/proc_pid_net.5.html
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTENS = "0A"
_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")


def ports_below(pid: int) -> list[int]:
    """The TCP ports on which a process, and those that it has started, listen."""
    sockets = {link for each in _family(pid) for link in _sockets(each)}
    return sorted({port for port, inode in _listening() if f"socket:[{inode}]" in sockets})


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):  # there is no /proc, or the process has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _sockets(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(each)


def _listening() -> Iterator[tuple[int, str]]:
    """Yield port and inode of every socket that listens."""
    for table in _TABLES:
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS:
                    yield int(fields[1].rpartition(":")[2], 16), fields[9]
