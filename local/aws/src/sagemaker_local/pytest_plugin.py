"""Fixtures for tests against SageMaker; pytest finds them once the package is installed.

Example:
    def test_scoring(sagemaker_local, monkeypatch):
        for name, value in sagemaker_local.environment.items():
            monkeypatch.setenv(name, value)
        sagemaker_local.containers.register("my/model:1", [sys.executable, Path("model.py")])
        sagemaker_local.faults.capacity_error()
        my_code_that_uses_boto3()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sagemaker_local.testing import SageMakerLocal


@pytest.fixture(scope="session")
def sagemaker_local_options() -> dict[str, Any]:
    """Arguments of `sagemaker_local.testing.running`, to be overridden in the topmost conftest.py.

    A session has one service: the test that first needs it decides what it is started with.

    Example:
        @pytest.fixture(scope="session")
        def sagemaker_local_options():
            return {"containers": Path("containers.yaml"), "switches": {"blank_lines": "skip"}}
    """
    return {}


@pytest.fixture(scope="session")
def sagemaker_local_server(
    sagemaker_local_options: dict[str, Any],
) -> Iterator[SageMakerLocal]:
    """One service for the session, which nothing resets: for fixtures that outlive a test.

    A test of the same session that uses `sagemaker_local` forgets what they made, so use one or
    the other.
    """
    from sagemaker_local.testing import running

    with running(**sagemaker_local_options) as server:
        yield server


@pytest.fixture
def sagemaker_local(sagemaker_local_server: SageMakerLocal) -> Iterator[SageMakerLocal]:
    """The session's service, which forgets everything after the test.

    See `sagemaker_local.testing.SageMakerLocal` for what it can do: `endpoint_url`, `environment`,
    `client(service)`, `wait(job)`, `faults`, `containers`, `switch(…)`, `reset()`.
    """
    yield sagemaker_local_server
    sagemaker_local_server.reset()
