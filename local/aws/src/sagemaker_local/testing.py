"""A SageMaker for tests, in a process of its own.

Example:
    with running() as sagemaker:
        sagemaker.client("s3").create_bucket(Bucket="my-bucket")

Under pytest the fixture `sagemaker_local` gives the same: see `sagemaker_local.pytest_plugin`.
"""

from __future__ import annotations

import json
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from sagemaker_local.control_client import Containers, ControlApi, Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REGION = "us-east-1"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
_ENDED = {"Completed", "Failed", "Stopped"}


class StartError(RuntimeError):
    """The service did not start; the text is its reason."""


@dataclass(frozen=True, kw_only=True)
class SageMakerLocal:
    """A running service.

    Args:
        endpoint_url: where it listens.
        pid: its process.
    """

    endpoint_url: str
    pid: int

    @cached_property
    def faults(self) -> Faults:
        """Makes the next calls or jobs go wrong, such as `faults.capacity_error()`."""
        return Faults(api=self._api)

    @cached_property
    def containers(self) -> Containers:
        """Images and the commands that serve them: `containers.register(image, command)`."""
        return Containers(api=self._api)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that send any AWS client to the service.

        Example:
            for name, value in sagemaker_local.environment.items():
                monkeypatch.setenv(name, value)
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client of a service, such as `client("s3")`, that does not retry.

        Args:
            service: its name in boto3.
            settings: more arguments of `botocore.config.Config`.
        """
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - any will do
            config=Config(**{"retries": {"max_attempts": 0}, **settings}),
        )

    def wait(self, job: str, *, seconds: float = 60.0) -> dict[str, Any]:
        """What DescribeTransformJob says of a job once it has ended, well or not.

        boto3's own waiter looks once a minute.

        Raises:
            TimeoutError: it has not ended after `seconds`.
        """
        client = self.client("sagemaker")
        end = time.monotonic() + seconds
        while True:
            description: dict[str, Any] = client.describe_transform_job(TransformJobName=job)
            status = description["TransformJobStatus"]
            if status in _ENDED:
                return description
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{job} is {status} after {seconds:g} s; if `faults.freeze` holds it, let it "
                    f"go on with release({job!r})"
                )
            time.sleep(_POLL_SECONDS)

    def release(self, job: str) -> None:
        """Let a job go on that `faults.freeze` holds."""
        self.control("POST", f"jobs/{job}/release")

    def switch(self, **values: Any) -> None:
        """Choose how undocumented behaviour works until `reset`, such as `blank_lines="skip"`.

        The README lists all switches; a job keeps the values of its creation.
        """
        self.control("PUT", "switches", values)

    def limit(self, instance_type: str, count: int) -> None:
        """Let all running jobs together use so many instances of a type, such as "ml.m5.large".

        CreateTransformJob fails with ResourceLimitExceeded beyond that.
        """
        self.control("PUT", "limits", {instance_type: count})

    def advance(self, seconds: float) -> None:
        """Move the service's clock on."""
        self.control("POST", "clock", {"advance": seconds})

    def events(self) -> list[dict[str, Any]]:
        """The EventBridge events there were, oldest first."""
        events: list[dict[str, Any]] = self.control("GET", "events")
        return events

    def reset(self) -> None:
        """Stop all jobs and forget everything: buckets, models, faults, images, switches."""
        self._api.send("POST", "/moto-api/reset")

    def control(self, method: str, path: str, document: Any = None) -> Any:
        """Send a request to the control API; its answer.

        Args:
            method: the HTTP method.
            path: what follows `/_local/`, such as `clock`.
            document: the body, as JSON types.

        Raises:
            RefusedError: the service cannot carry it out; says what it can.
        """
        return self._api.send(method, f"/_local/{path}", document)

    @cached_property
    def _api(self) -> ControlApi:
        return ControlApi(endpoint_url=self.endpoint_url)


@contextmanager
def running(
    *, containers: Path | None = None, switches: Mapping[str, Any] | None = None
) -> Iterator[SageMakerLocal]:
    """A service on a free port, in a process of its own that is ended afterwards.

    Args:
        containers: file of images and commands; these can import from the current folder.
        switches: how undocumented behaviour works; not undone by `reset`.

    Raises:
        StartError: it did not start.
    """
    command = [sys.executable, "-m", "sagemaker_local", "--port", "0"]
    if containers is not None:
        command += ["--containers", str(containers)]
    for name, value in (switches or {}).items():
        command += ["--switch", f"{name}={json.dumps(value)}"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield SageMakerLocal(endpoint_url=_endpoint(process, log), pid=process.pid)
        finally:
            _end(process)
            sys.stderr.write(_text_of(log))


def _endpoint(process: subprocess.Popen[str], log: IO[bytes]) -> str:
    """The last word of the line that is printed once the service listens."""
    assert process.stdout is not None  # noqa: S101 - a pipe, see `running`
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(_START_SECONDS) else ""
    if not line:
        raise StartError(f"sagemaker-local did not start: {_text_of(log).strip()}")
    return line.split()[-1]


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _text_of(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode("utf-8", "replace")
