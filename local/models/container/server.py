"""The HTTP side of SageMaker's container contract: /ping, /execution-parameters, /invocations.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

import json
from concurrent.futures import Future
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, cast

from local.models.container.errors import (
    BadRecordError,
    ModelNotLoadedError,
    RequestRefusedError,
    SettingsError,
)
from local.models.container.model import LoadedModel, Request
from local.models.container.request_body import BodyReader
from local.models.container.settings import Settings

# Loopback only: the container is a process of this machine, and its model is nobody else's.
HOST = "127.0.0.1"
PLAIN_TEXT = "text/plain; charset=utf-8"
_IDLE_CONNECTION_SECONDS = 900


class ModelServer(ThreadingHTTPServer):
    """Answers while the model loads, so that /ping can say 'not yet'; a thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings: Settings, model: Future[LoadedModel]) -> None:
        """Listens on the settings' port.

        Raises:
            SettingsError: the port cannot be had.
        """
        self.settings = settings
        self.model = model
        try:
            super().__init__((HOST, settings.port), _Handler)
        except OSError as error:
            raise SettingsError(
                f"port {settings.port} cannot be listened on: {error.strerror};"
                " set SAGEMAKER_BIND_TO_PORT to a free one"
            ) from error

    def loaded_model(self) -> LoadedModel:
        """The model.

        Raises:
            ModelNotLoadedError: it is still loading, or could not be loaded.
        """
        if not self.model.done() or self.model.exception():
            raise ModelNotLoadedError("the model is not loaded yet; ask /ping until it says 200")
        return self.model.result()


class _Handler(BaseHTTPRequestHandler):
    """One connection. Replies leave in one write, so none waits for a delayed acknowledgement."""

    protocol_version = "HTTP/1.1"
    server_version = "model-container"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _IDLE_CONNECTION_SECONDS

    def do_GET(self) -> None:
        """Health and parameters."""
        self._answer({"/ping": self._ping, "/execution-parameters": self._parameters})

    def do_POST(self) -> None:
        """Predictions."""
        self._answer({"/invocations": self._invoke})

    def handle_expect_100(self) -> bool:
        """Sends the go-ahead at once; it would stay in the write buffer otherwise."""
        go_ahead = super().handle_expect_100()
        self.wfile.flush()
        return go_ahead

    def _answer(self, routes: dict[str, Any]) -> None:
        try:
            body = self._read_body()
            path = self.path.partition("?")[0]
            if path in routes:
                routes[path](body)
            else:
                self._reply(
                    HTTPStatus.NOT_FOUND, f"there is no {path} to {self.command}\n".encode()
                )
        except RequestRefusedError as refusal:
            self._reply(HTTPStatus(refusal.status), f"{refusal}\n".encode())

    def _read_body(self) -> bytes:
        """The request's body; a connection whose framing is lost cannot be kept."""
        limit = self._model_server.settings.max_payload_bytes
        try:
            return BodyReader(cast("BinaryIO", self.rfile), limit).read(self.headers)
        except BadRecordError:
            self.close_connection = True
            raise

    def _ping(self, _: bytes) -> None:
        self._model_server.loaded_model()
        self._reply(HTTPStatus.OK, b"")

    def _parameters(self, _: bytes) -> None:
        settings = self._model_server.settings
        parameters = {
            "MaxConcurrentTransforms": settings.max_concurrent_transforms,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": settings.max_payload_mb,
        }
        self._reply(HTTPStatus.OK, json.dumps(parameters).encode(), "application/json")

    def _invoke(self, body: bytes) -> None:
        model = self._model_server.loaded_model()
        if not body:
            self._reply(HTTPStatus.NO_CONTENT, b"")
            return
        reply = model.answer(
            Request(
                body=body,
                content_type=self.headers.get("Content-Type", ""),
                accept=self.headers.get("Accept", ""),
            )
        )
        self._reply(HTTPStatus.OK, reply.body, reply.content_type)

    def _reply(self, status: HTTPStatus, body: bytes, content_type: str = PLAIN_TEXT) -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", content_type)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    @property
    def _model_server(self) -> ModelServer:
        return cast("ModelServer", self.server)
