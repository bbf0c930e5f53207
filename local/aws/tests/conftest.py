from contextlib import contextmanager

import pytest

from sagemaker_lab.lab import Lab
from sagemaker_lab.programs import CONTAINERS
from sagemaker_local.testing import running


@pytest.fixture(scope="session")
def sagemaker_local_server():
    """A service for these tests alone: the plugin's may serve others of the session already."""
    with running(containers=CONTAINERS, switches={"stop_grace_seconds": 0.5}) as server:
        yield server


@pytest.fixture
def lab(sagemaker_local):
    return Lab(sagemaker_local)


@pytest.fixture
def switched(sagemaker_local):
    """Set switches for a while."""

    @contextmanager
    def set_switches(**values):
        switches = sagemaker_local.control("GET", "switches")
        before = {each["name"]: each["value"] for each in switches}
        sagemaker_local.switch(**values)
        try:
            yield
        finally:
            sagemaker_local.switch(**{name: before[name] for name in values})

    return set_switches
