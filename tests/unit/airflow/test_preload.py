"""What a process that forks tasks imports for them."""

import json
import os
import re
import subprocess
import sys

import pytest

from batch_transform import preload
from tests.project import PROJECT

PAGE = (PROJECT / "docs" / "deploy.md").read_text()
(SETTINGS,) = re.findall(r"^```python\n(from batch_transform.preload.*?)^```", PAGE, re.M | re.S)
# In a process of its own: what a command that forks no task has imported, and what one that does.
PROGRAM = f"""
import json, sys
for sys.argv in (["airflow", "dags", "list"], ["airflow", "scheduler"]):
    exec({SETTINGS!r})
    print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def imported(monkeypatch):
    """A function that returns what a command of Airflow's has imported once it has preloaded."""

    def imported(*words):
        modules = set()
        monkeypatch.setattr(preload, "import_module", modules.add)
        monkeypatch.setattr(sys, "argv", ["airflow", *words])
        preload.preload()
        return modules

    return imported


@pytest.mark.parametrize("words", [["scheduler"], ["celery", "worker"], ["dag-processor"]])
def test_what_forks_tasks_imports_what_they_need(imported, words):
    assert {"batch_transform.dag", "duckdb", "pandas", "psycopg"} <= imported(*words)


@pytest.mark.parametrize("words", [[], ["dags", "list"], ["api-server"]])
def test_other_commands_import_nothing_more(imported, words):
    assert not imported(*words)


def test_all_of_it_can_be_imported_and_other_commands_stay_quick():
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", PROGRAM]
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    quick, forking = (set(json.loads(line)) for line in found.stdout.splitlines()[-2:])
    slow = {"batch_transform.dag", "boto3", "duckdb", "pandas"}
    assert not slow & quick
    assert slow | {"psycopg"} <= forking


def test_the_stack_and_the_image_have_the_settings_of_the_page():
    assert (PROJECT / "local" / "airflow_local_settings.py").read_text().endswith(SETTINGS)
