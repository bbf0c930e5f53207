"""What a process that forks tasks imports for them."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
from batch_transform.preload import preload
sys.argv = ["airflow", *sys.argv[1:]]
preload()
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
