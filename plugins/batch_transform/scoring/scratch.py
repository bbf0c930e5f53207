"""A folder on the worker's disk for one task. What a task that was killed leaves, the next clears.

Each folder is locked by the process that made it, and the kernel frees the lock with the process.
https://man7.org/linux/man-pages/man2/flock.2.html
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from batch_transform.scoring.errors import DiskFull, ScoringError


@contextmanager
def scratch_folder(work: str, needs: str) -> Iterator[Path]:
    """Lend an empty folder, removed afterwards.

    Args:
        work: what it is for, a word.
        needs: what there must be room for.

    Raises:
        DiskFull: there is no room for what is written there.
    """
    root = Path(tempfile.gettempdir()) / f"batch-transform-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    with _locked(root):
        _clear_abandoned(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{work}-", dir=root))
        held = _opened(folder)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with _full_disk_named(folder, work, needs):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _clear_abandoned(root: Path) -> None:
    """Remove the folders that no process holds."""
    for folder in root.glob("*-*"):
        with suppress(FileNotFoundError):  # its own process has removed it meanwhile
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    held = _opened(folder)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    held = _opened(folder)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(held)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def _full_disk_named(folder: Path, work: str, needs: str) -> Iterator[None]:
    try:
        yield
    except ScoringError:
        raise
    except Exception as error:
        full = os.strerror(errno.ENOSPC)  # DuckDB has it in its text alone
        if getattr(error, "errno", None) != errno.ENOSPC and full not in str(error):
            raise
        disk = shutil.disk_usage(folder)
        used = sum(path.lstat().st_size for path in folder.rglob("*"))
        raise DiskFull(
            f"The disk that holds {folder.parent} is full: {_mb(disk.free)} of {_mb(disk.total)}"
            f" are free, and this {work} has written {_mb(used)}. It needs room for {needs}. Give"
            " the worker a larger disk, or point TMPDIR at one; nothing was changed in the target."
            f" {error}"
        ) from error


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
