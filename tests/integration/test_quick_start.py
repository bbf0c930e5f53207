"""docs/quick-start.md from its first line to its last, as somebody types it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.project import PROJECT

PAGE = (PROJECT / "docs" / "quick-start.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MADE = "make setup\nmkdir my\ncd my\nexport PATH=$PWD/../.venv/bin:$PATH\n"  # where this test is
ONCE_MORE = "batch-transform run churn 2013-06-01 --publish --json\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def typed(folder):
    """Write the files of the page, and return what is typed, in one script."""
    commands = []
    for language, text in BLOCKS:
        if language == "console":
            commands.append(text)
            continue
        name = re.match(r"# (\w+\.\w+)", text)
        (folder / (name[1] if name else "customers.csv")).write_text(text)
    assert commands.pop(0) == MADE
    commands[0] += "until grep -q serves aws.log; do sleep 0.1; done\n"  # as long as one reads on
    return "".join([*commands, ONCE_MORE])


@pytest.fixture
def folder():
    """A folder that no other run of pytest cleans up."""
    with tempfile.TemporaryDirectory(prefix="quick-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def page(folder):
    """What the page has made, and what was said; all that it started is ended."""
    script = typed(folder)
    port = free_port()
    for path in folder.iterdir():
        path.write_text(path.read_text().replace("4566", port))
    programs = Path(sys.executable).parent
    environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    for name in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        environment |= {name: os.environ[name]} if name in os.environ else {}
    process = subprocess.Popen(
        [shutil.which("bash"), "-eu", "-c", script.replace("4566", port)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(PROJECT / "plugins")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=240)
        yield process.returncode, said
    finally:
        os.killpg(process.pid, signal.SIGTERM)


@pytest.mark.slow
def test_a_stranger_scores_their_own_csv_with_their_own_container(page):
    code, said = page
    assert code == 0, said
    assert "1 pipelines, all valid" in said
    assert "3 rows" in said
    assert '"how": "reused"' in said, "no job is paid again"
