"""What Linux says of processes; a dependency-free stand-in for the little that tests need."""

import os
import time
from pathlib import Path

SUPPORTED = Path("/proc/self/task").exists()
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def children(pid, *, recursive=True):
    """The numbers of the processes that one has started, and of those below them."""
    try:
        tasks = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it, or one of its threads, has just ended
        return []
    own = [int(number) for text in tasks for number in text.split()]
    if not recursive:
        return own
    return [*own, *(below for child in own for below in children(child))]


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")


def is_alive(pid):
    """Whether it runs; one that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def resident_bytes(pid):
    """The memory it takes; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def open_files(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def still_alive(pids, seconds):
    """Those that run after so many seconds."""
    end = time.monotonic() + seconds
    while (alive := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    return alive
