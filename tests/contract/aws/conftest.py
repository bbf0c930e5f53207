from contextlib import contextmanager
from pathlib import Path

import pytest

from local.aws.testing import running_aws
from tests.contract.aws.lab import Lab

CONTAINERS = Path(__file__).with_name("containers.yaml")


@pytest.fixture(scope="session")
def aws():
    with running_aws(containers=CONTAINERS, switches=["stop_grace_seconds=0.5"]) as running:
        yield running


@pytest.fixture
def lab(aws):
    return Lab(aws)


@pytest.fixture
def switched(aws):
    """Set switches for a while."""

    @contextmanager
    def set_switches(**values):
        before = {each["name"]: each["value"] for each in aws.order("GET", "switches")}
        aws.order("PUT", "switches", values)
        try:
            yield
        finally:
            aws.order("PUT", "switches", {name: before[name] for name in values})

    return set_switches
