"""The installation says in one sentence what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def install(tmp_path):
    for name in ("local/setup.sh", "requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)

    def install(python, **environ):
        return subprocess.run(
            ["sh", "local/setup.sh", python, ".venv"],
            cwd=tmp_path,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    return install


def test_a_missing_python_is_one_sentence_with_the_way_out(install):
    missing = install("python-that-is-nowhere")
    assert missing.returncode == 1
    assert missing.stderr == (
        "Python 3.11 to 3.14 with venv is needed, and python-that-is-nowhere has none: install one,"
        " or name it with: make setup PYTHON=/path/to/python3\n"
    )


MAKES_VENVS_QUICKLY = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p .venv/bin && cp "$0" .venv/bin/python
else
    exec {python} "$@"
fi
"""


@pytest.fixture
def python(tmp_path):
    """A real Python with a real pip, but venvs that cost nothing; most of a real one is pip."""
    path = tmp_path / "python"
    path.write_text(MAKES_VENVS_QUICKLY.format(python=sys.executable))
    path.chmod(0o755)
    return path


def test_a_registry_that_does_not_answer_is_one_sentence_and_no_stamp(install, python, tmp_path):
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_NO_INDEX": "0"}
    nowhere |= {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_CONFIG_FILE": os.devnull}
    # An own folder, since pip would find uv installed beside it.
    answer = install(python, PIP_TARGET=str(tmp_path / "installed"), **nowhere)
    assert answer.returncode == 1
    assert answer.stderr.startswith("The installation failed: ")
    assert "All of it: .state/setup.log." in answer.stderr
    log = (tmp_path / ".state" / "setup.log").read_text()
    assert "No matching distribution found for uv==" in log
    assert not (tmp_path / ".venv" / ".installed").exists()
