"""Folders of loads: gone with the load, or with the next one where a process was killed."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from batch_transform.scoring.errors import DiskFull
from batch_transform.scoring.outputs.staged import StagedColumn, staging
from batch_transform.scoring.scratch import scratch_folder

KILLED = """
import os, signal
from batch_transform.scoring.scratch import scratch_folder

with scratch_folder("load", "two shards") as folder:
    (folder / "staged-000000.parquet").write_bytes(b"rows")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def scratch():
    return scratch_folder("load", "two shards")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_load_left_is_cleared_by_the_next(temporary):
    environ = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env=environ, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = Path(killed.stdout.strip())
    assert left.exists()
    with scratch():
        assert not left.exists()


def test_the_folder_of_a_load_that_runs_is_left_alone():
    with scratch() as one:
        (one / "rows").write_bytes(b"1")
        with scratch() as two:
            assert (one / "rows").exists()
            assert two != one
        assert not two.exists()
    assert not one.exists()


def test_a_folder_that_is_removed_while_it_is_looked_at_is_none():
    with scratch() as folder:
        (folder.parent / "load-removed").symlink_to("nowhere")  # opened, it is not there
        with scratch() as other:
            assert other.exists()


def test_others_cannot_look_into_it():
    with scratch() as folder:
        assert folder.parent.stat().st_mode & 0o077 == 0


def fill(folder):
    """Write what there is room for, and then to /dev/full, which is as a disk that is full."""
    (folder / "part").write_bytes(b"x" * 3_000_000)
    Path("/dev/full").write_bytes(b"rows")


def test_a_full_disk_is_named_and_what_is_needed():
    message = r"batch-transform-\d+ is full: .* this load has written 3 MB.* two shards.* TMPDIR"
    with (
        pytest.raises(DiskFull, match=message) as caught,
        scratch() as folder,
    ):
        fill(folder)
    assert caught.value.__cause__.errno == errno.ENOSPC


def test_a_full_disk_is_told_where_rows_are_staged():
    columns = [StagedColumn(name="apple_id", type="text")]
    with pytest.raises(DiskFull), staging(columns) as staged:
        stage_much(staged)


def stage_much(staged):
    (staged.folder / "rows").symlink_to("/dev/full")
    staged.add_rows(("x" * 100_000,) for _ in range(100))


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError), scratch():
        raise ZeroDivisionError
