"""Serving: one process, one port, and nothing left when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from sagemaker_local.athena.service import AthenaService
from sagemaker_local.containers import Containers
from sagemaker_local.databases import Databases
from sagemaker_local.front import Front
from sagemaker_local.kept import Kept
from sagemaker_local.objects import ObjectStore, private_folder
from sagemaker_local.redshift.service import RedshiftService
from sagemaker_local.s3.models import install
from sagemaker_local.settings import Switches
from sagemaker_local.transform.clock import Clock
from sagemaker_local.transform.events import EventLog
from sagemaker_local.transform.faults import Faults
from sagemaker_local.transform.service import Parts, TransformService

if TYPE_CHECKING:
    from collections.abc import Sequence

_BACKLOG = 256


class PortInUseError(OSError):
    """Something else listens there."""


class _Handler(MotoRequestHandler):
    """A request handler that logs nothing, and does not wait for ever for the rest of a request."""

    timeout = 30

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log nothing."""


class LocalAws:
    """A local AWS that is serving; a context manager.

    Moto's state belongs to the process: there is one at a time, and `stop` forgets everything that
    `state` does not keep.

    Args:
        host: address to listen on.
        port: port to listen on; 0 is any free one.
        containers: file of images and commands; without one, images are registered later.
        switches: `name=value`; see `sagemaker_local.switches`.
        state: folder in which objects, models and jobs outlast the process; none by default.

    Raises:
        PortInUseError: something else listens there.
        ContainersFileError: the containers file cannot be used.
        UnknownSwitchError: there is no such switch, or it cannot take the value.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        containers: Path | None = None,
        switches: Sequence[str] = (),
        state: Path | None = None,
    ) -> None:
        settings = Switches(switches)
        images = Containers(containers)
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.endpoint_url = f"http://{_reachable(host)}:{self.port}"
        self._resources = contextlib.ExitStack()
        store = ObjectStore(self._resources.enter_context(private_folder()))
        install(store)
        parts = Parts(
            settings=settings,
            clock=Clock(),
            events=EventLog(),
            faults=Faults(),
            containers=images,
            store=store,
        )
        self.service = TransformService(parts, self.endpoint_url)
        self.databases = Databases(
            redshift=RedshiftService(settings, self.endpoint_url),
            athena=AthenaService(settings, self.endpoint_url),
        )
        self._kept = Kept(state, store, self.service) if state else None
        self._server: BaseWSGIServer = make_server(
            host,
            self.port,
            Front(self.service, self.databases, store, changed=self._changed),
            threaded=True,
            request_handler=_Handler,
            fd=self._socket.fileno(),
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> LocalAws:
        """Begin to serve; returns when connections are answered."""
        os.environ["MOTO_PORT"] = str(self.port)
        if self._kept:
            self._kept.begin()
        self._thread.start()
        return self

    def stop(self) -> None:
        """End all jobs and containers, then serving."""
        if self._kept:  # first: jobs that run now run anew the next time
            self._kept.end()
        self.databases.reset()
        self.service.stop_all()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()
        self._socket.close()
        BackendDict.reset()
        self._resources.close()

    def _changed(self) -> None:
        if self._kept:
            self._kept.changed()

    def __enter__(self) -> LocalAws:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def write_ready_file(path: Path, endpoint_url: str) -> None:
    """Write where the service is, whole or not at all: JSON with `endpoint_url` and `pid`."""
    document = json.dumps({"endpoint_url": endpoint_url, "pid": os.getpid()})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        file.write(document)
    Path(name).replace(path)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise PortInUseError(
            f"cannot listen on {host}:{port}: {why}; choose another --port"
        ) from error


def _reachable(host: str) -> str:
    """How agents and clients on this machine reach the address."""
    if host in {"0.0.0.0", ""}:  # noqa: S104 - compared with, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
