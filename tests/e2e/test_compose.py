"""docker-compose.yaml as it stands, but for Docker: every service runs, and a day is scored."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import pytest

from local.data.package_days import flights_per_day
from tests.project import PROJECT

DAY = date(2013, 6, 3)
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def can_unshare():
    if os.geteuid() != 0 or shutil.which("redis-server") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not can_unshare(), reason="needs root, namespaces, and apt-get install redis-server"
    ),
]


@pytest.fixture
def folder():
    """A folder that the users of the services may pass through, and no other pytest cleans up."""
    with tempfile.TemporaryDirectory(prefix="compose-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_every_service_runs_as_the_file_says_and_a_day_is_scored(folder):
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.e2e.compose_up", str(folder)],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ".", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    said = json.loads(done.stdout)
    assert said["healthy"] == [
        *("api-server", "aws", "dag-processor", "postgres", "redis", "scheduler"),
        *("triggerer", "worker"),
    ]
    assert (said["state"], said["rows"]) == ("success success", flights_per_day()[DAY])
    assert said["owners"] == [50000]
    assert said["leaks"] == [], "secrets, and what a customer wrote"
