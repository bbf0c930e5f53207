"""A laptop stack that ends in the middle of a run, and goes on."""

import json
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.airflow import choose_port
from local.stack import StackSettings, running_stack
from tests.e2e.conftest import FLIGHTS, Laptop

DAY = "2013-06-05"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def until(holds, seconds=300):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.fixture
def state():
    """A folder that no other run of pytest cleans up."""
    with tempfile.TemporaryDirectory(prefix="restart-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def test_a_run_goes_on_where_the_stack_ended(state):
    settings = StackSettings(
        name="up",
        port=choose_port(None),
        fresh=False,
        variables={
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        },
        state=state,
    )
    with running_stack(settings, print) as stack:
        asked = {"logical_date": None, "conf": {"partition": DAY}}
        answer = Laptop(stack).post(f"/dags/{FLIGHTS}/dagRuns", **asked)
        run_id = answer.raise_for_status().json()["dag_run_id"]
        aws = stack.aws_url
        index = state / "up" / "aws" / "index.pickle"
        until(lambda: b"/input/index.json" in index.read_bytes())
    with running_stack(settings, print) as stack:
        assert stack.aws_url == aws
        assert Laptop(stack).finished(FLIGHTS, run_id) == "success"
    assert json.loads((state / "up" / "aws.port").read_text()) == urlsplit(aws).port
