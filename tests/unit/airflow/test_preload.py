"""What a process that forks tasks imports for them."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.project import PROJECT

PAGE = (PROJECT / "docs" / "deploy.md").read_text()
(SETTINGS,) = re.findall(r"^```python\n(from batch_transform.preload.*?)^```", PAGE, re.M | re.S)
PROGRAM = f"""
import json, sys
sys.argv = ["airflow", *sys.argv[1:]]
{SETTINGS}
print(json.dumps(sorted(sys.modules)))
"""


def imported(*words):
    """Return what a command of Airflow has imported once it has preloaded."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", PROGRAM, *words]
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return set(json.loads(found.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [["scheduler"], ["celery", "worker"], ["dag-processor"]])
def test_what_forks_tasks_imports_what_they_need(words):
    assert {"batch_transform.dag", "boto3", "duckdb", "pandas", "psycopg"} <= imported(*words)


@pytest.mark.parametrize("words", [[], ["dags", "list"], ["api-server"]])
def test_other_commands_stay_quick(words):
    assert not {"batch_transform.dag", "boto3", "duckdb", "pandas"} & imported(*words)


def test_the_stack_and_the_image_have_the_settings_of_the_page():
    assert (PROJECT / "local" / "airflow_local_settings.py").read_text().endswith(SETTINGS)
