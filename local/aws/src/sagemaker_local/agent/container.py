"""One container of an instance: start it, wait for it, read its parameters, end it.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.agent.archive import unpack
from sagemaker_local.agent.channel import Channel, Target
from sagemaker_local.agent.errors import (
    ALGORITHM,
    CLIENT,
    ExchangeFailed,
    JobError,
    ObjectError,
)
from sagemaker_local.agent.listening import ports_below

if TYPE_CHECKING:
    from sagemaker_local.agent.plan import ContainerSpec
    from sagemaker_local.agent.reporter import Reporter
    from sagemaker_local.agent.storage import Storage

NO_PING = (
    f"{ALGORITHM}: Model container failed to respond to ping. Please ensure /ping endpoint is "
    "implemented and responds with an HTTP 200 status code"
)
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "TZ")
_HINT_SECONDS = 20.0
_USUAL_LINE = 256
"""Longer lines count as several of those that are kept, so that a few cannot fill the memory."""
_HEADERS = {"User-Agent": "Go-http-client/1.1"}


class Container:
    """A container of this instance.

    Args:
        spec: what to start, or where it already listens.
        folder: a private, empty directory.
        reporter: where its log goes.
        switches: the unknowns that are settable.
    """

    def __init__(
        self, spec: ContainerSpec, folder: Path, reporter: Reporter, switches: dict[str, Any]
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._reporter = reporter
        self._switches = switches
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._killed = False
        self._logged_lines = 0
        self.flooded = threading.Event()
        self.target = Target.from_url(spec.url) if spec.url else _local(spec.port)

    @property
    def dead(self) -> bool:
        """Whether the program ended by itself."""
        ended = self._process is not None and self._process.poll() is not None
        return ended or self._killed

    def start(self, storage: Storage) -> None:
        """Unpack the model and start the program, unless it already listens somewhere.

        Raises:
            JobError: the model cannot be fetched, or the program cannot be started.
        """
        model = self._folder / "model"
        work = self._folder / "work"
        model.mkdir()
        work.mkdir()
        if self._spec.url:
            return
        if self._spec.model_data:
            self._get_model(storage, *self._spec.model_data, to=model)
        try:
            self._process = subprocess.Popen(
                self._spec.command,
                cwd=work,
                env=self._environment(model),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except (OSError, ValueError) as error:
            raise JobError(f"{CLIENT}: the container cannot be started: {error}") from error
        self._reader = threading.Thread(target=self._forward_log, daemon=True)
        self._reader.start()

    def wait_until_ready(self, *, never: bool = False) -> None:
        """Poll `/ping` until it answers 200.

        Args:
            never: ignore the answers, so that waiting fails.

        Raises:
            JobError: it did not in time, ended, or flooded its log.
        """
        patience = self._switches["ping_timeout_seconds"]
        end = time.monotonic() + patience
        hint = end - patience + min(_HINT_SECONDS, patience / 2)
        pause = 0.02
        while time.monotonic() < end:
            if time.monotonic() > hint:
                hint = end
                self._say_where_it_listens()
            if self.flooded.is_set():
                raise JobError(self.flood_reason)
            if self._answers_ping() and not never:
                return
            if self.dead:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, self._switches["ping_interval_seconds"])
        raise JobError(NO_PING)

    def parameters(self) -> dict[str, Any]:
        """The answer of `/execution-parameters`; empty when there is none."""
        try:
            with Channel(self.target) as channel:
                head = channel.request("GET", "/execution-parameters", _HEADERS)
                reply = channel.exchange(head, b"", 10.0)
            document = json.loads(reply.body) if reply.status == 200 else {}
        except (ExchangeFailed, ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def flood_reason(self) -> str:
        """The FailureReason of a container that writes too much."""
        return (
            f"{ALGORITHM}: the container wrote more than "
            f"{self._switches['container_log_limit_in_mb']} MB of log"
        )

    def kill(self) -> None:
        """End the program at once; one that only listens somewhere counts as ended."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def ask_to_end(self) -> None:
        """Ask the program to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for the program to end by itself until a moment of the monotonic clock; kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._reader:
            self._reader.join(0.5)

    def _get_model(self, storage: Storage, bucket: str, key: str, *, to: Path) -> None:
        archive = self._folder / "model.tar.gz"
        try:
            storage.fetch(bucket, key, archive)
        except ObjectError as error:
            reason = f"{CLIENT}: Could not find model data at s3://{bucket}/{key}."
            raise JobError(reason) from error
        unpack(archive, to)
        archive.unlink()

    def _environment(self, model: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        own = {
            "SAGEMAKER_BIND_TO_PORT": str(self.target.port),
            "SM_MODEL_DIR": str(model),
            "PYTHONUNBUFFERED": "1",
        }
        return {**kept, **self._spec.environment, **own}

    def _answers_ping(self) -> bool:
        try:
            with Channel(self.target) as channel:
                head = channel.request("GET", "/ping", _HEADERS)
                return channel.exchange(head, b"", 2.0).status == 200
        except ExchangeFailed:
            return False

    def _say_where_it_listens(self) -> None:
        """Write into the container's log why it may not be found; the service does not."""
        if self._process is None:
            return
        port = self.target.port
        others = [each for each in ports_below(self._process.pid) if each != port]
        said = f"sagemaker-local: nothing has answered /ping on port {port} yet"
        if others:
            said += (
                f". The container listens on {', '.join(map(str, others))}: let it take its port "
                "from SAGEMAKER_BIND_TO_PORT, as many containers share this machine"
            )
        self._log([said.encode()])

    def _forward_log(self) -> None:
        assert self._process is not None  # noqa: S101 - started just before
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see `start`
        limit = int(self._switches["container_log_limit_in_mb"] * 1e6)
        total, rest = 0, b""
        with contextlib.suppress(OSError, ValueError), self._process.stdout as out:
            while data := os.read(out.fileno(), 65536):
                total += len(data)
                if total > limit:
                    self.flooded.set()
                    self._process.kill()
                    return
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > 65536:
                    lines, rest = [*lines, rest], b""
                self._log(lines)
            if rest:
                self._log([rest])

    def _log(self, lines: list[bytes]) -> None:
        room = self._switches["container_log_kept_lines"] - self._logged_lines
        texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines if line.strip()]
        texts = texts[: max(room, 0)]
        self._logged_lines += sum(1 + len(text) // _USUAL_LINE for text in texts)
        if texts:
            self._reporter.container_log(self._spec.name, texts)


def _local(port: int) -> Target:
    return Target(host="127.0.0.1", port=port)
