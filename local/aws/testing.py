"""A local AWS for tests: `from local.aws.testing import local_aws` in a `conftest.py`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from local.aws.containers import DEFAULT_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class RunningAws:
    """A local AWS in a process of its own.

    Args:
        endpoint_url: where it listens.
        pid: its process.
    """

    endpoint_url: str
    pid: int

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client of it, in us-east-1, that tries once."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - any will do
            config=Config(retries={"max_attempts": 0}, **settings),
        )

    def order(self, method: str, path: str, document: Any = None) -> Any:
        """Send an order to `/_local/…`; what it answers.

        Raises:
            urllib.error.HTTPError: the order is refused; its body says why.
        """
        request = urllib.request.Request(  # noqa: S310 - our own endpoint
            f"{self.endpoint_url}/_local/{path}",
            data=None if document is None else json.dumps(document).encode(),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return json.loads(response.read())


@contextmanager
def running_aws(
    *, containers: Path = DEFAULT_FILE, switches: Sequence[str] = ()
) -> Iterator[RunningAws]:
    """A local AWS that is serving, ended afterwards.

    Args:
        containers: file of images and commands; these can import from the current folder.
        switches: `name=value` for what nobody knows.

    Raises:
        RuntimeError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="local-aws-test-") as name:
        ready = Path(name) / "ready.json"
        command = [sys.executable, "-m", "local.aws", "--port", "0", "--ready-file", str(ready)]
        command += ["--containers", str(containers)]
        for switch in switches:
            command += ["--switch", switch]
        process = subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL)
        try:
            yield RunningAws(**_wait_for(ready, process))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment() -> dict[str, str]:
    """Ours, in which this project can be imported from any folder."""
    paths = [str(_ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _wait_for(ready: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if ready.exists():
            document: dict[str, Any] = json.loads(ready.read_text())
            return document
        time.sleep(0.02)
    raise RuntimeError("the local AWS did not start; its reason is above")


@pytest.fixture(scope="session")
def local_aws() -> Iterator[RunningAws]:
    """A local AWS for the whole session."""
    with running_aws() as aws:
        yield aws
