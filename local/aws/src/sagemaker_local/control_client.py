"""The control API `/_local/…` from Python: what a test makes go wrong, and registers."""

from __future__ import annotations

import json
import shlex
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT_SECONDS = 60.0


class RefusedError(ValueError):
    """The service cannot carry a request out; the text says what it can."""


@dataclass(frozen=True, kw_only=True)
class ControlApi:
    """Requests to one service; see `/_local/` in the README."""

    endpoint_url: str

    def send(self, method: str, path: str, document: Any = None) -> Any:
        """Send a request; its answer.

        Raises:
            RefusedError: the service cannot carry it out.
        """
        request = urllib.request.Request(  # noqa: S310 - our own endpoint
            f"{self.endpoint_url}{path}",
            data=None if document is None else json.dumps(document).encode(),
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise RefusedError(f"{method} {path}: {_message(error.read())}") from None


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")


@dataclass(frozen=True, kw_only=True)
class Containers:
    """The images that models can name."""

    api: ControlApi

    def register(self, image: str, command: Sequence[str | Path]) -> None:
        """Let an image stand for a command, until the service is reset.

        Example:
            containers.register("my/model:1", [sys.executable, Path("model.py")])

        The command is started as SageMaker starts `serve`: it listens on the port in
        SAGEMAKER_BIND_TO_PORT, and reads its model from SM_MODEL_DIR.

        Args:
            image: what a model gives as its Image.
            command: program and arguments; paths are made absolute, since the command is started
                in a folder of its own.

        Raises:
            TypeError: the command is one string, not a list of words.
            RefusedError: the command is empty.
        """
        if isinstance(command, str):
            raise TypeError(f"the command must be a list of words: {shlex.split(command)}")
        words = [str(word.absolute() if isinstance(word, Path) else word) for word in command]
        self.api.send("PUT", "/_local/containers", {image: words})

    def commands(self) -> dict[str, list[str]]:
        """Every image there is, with its command."""
        commands: dict[str, list[str]] = self.api.send("GET", "/_local/containers")
        return commands


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Makes calls and jobs go wrong on purpose.

    Faults of jobs happen to the next `times` jobs that are created, or with `job` only to the one
    of that name.
    """

    api: ControlApi

    def throttle(self, operation: str, *, times: int = 1) -> None:
        """The next calls fail with ThrottlingException.

        Example:
            faults.throttle("CreateTransformJob", times=3)

        Raises:
            RefusedError: `operation` is none of the four on transform jobs.
        """
        self._add("throttle", operation=operation, times=times)

    def internal_failure(self, operation: str, *, times: int = 1) -> None:
        """The next calls fail with InternalFailure, status 500.

        Raises:
            RefusedError: `operation` is none of the four on transform jobs.
        """
        self._add("internal-failure", operation=operation, times=times)

    def capacity_error(self, *, job: str | None = None, times: int = 1) -> None:
        """The job fails with CapacityError before it starts."""
        self._add("capacity-error", job=job, times=times)

    def internal_server_error(self, *, job: str | None = None, times: int = 1) -> None:
        """The job fails with InternalServerError after it started."""
        self._add("internal-server-error", job=job, times=times)

    def freeze(self, *, job: str | None = None, times: int = 1) -> None:
        """The job stays InProgress until it is released or stopped."""
        self._add("frozen", job=job, times=times)

    def no_output(self, *, job: str | None = None, times: int = 1) -> None:
        """The job completes and writes nothing."""
        self._add("no-output", job=job, times=times)

    def slow_container(self, seconds: float, *, job: str | None = None, times: int = 1) -> None:
        """Each request of the job takes this many seconds longer."""
        self._add("slow-container", job=job, times=times, seconds=seconds)

    def dying_container(self, after: int, *, job: str | None = None, times: int = 1) -> None:
        """The job's container is killed after this many requests."""
        self._add("dying-container", job=job, times=times, after=after)

    def no_ping(self, *, job: str | None = None, times: int = 1) -> None:
        """The job's container never answers `/ping`.

        The job fails after `ping_timeout_seconds`, a switch that is half an hour by default.
        """
        self._add("no-ping", job=job, times=times)

    def pending(self) -> list[dict[str, Any]]:
        """The faults that have not happened yet."""
        rules: list[dict[str, Any]] = self.api.send("GET", "/_local/faults")
        return rules

    def clear(self) -> None:
        """Cancel the faults that have not happened yet."""
        self.api.send("DELETE", "/_local/faults")

    def _add(self, fault: str, **rule: Any) -> None:
        given = {name: value for name, value in rule.items() if value is not None}
        self.api.send("POST", "/_local/faults", {"fault": fault, **given})
