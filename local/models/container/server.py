"""The HTTP side of SageMaker's container contract: /ping, /execution-parameters, /invocations.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

import io
import json
import socket
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from typing import cast
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import (
    HTTPException,
    NotAcceptable,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
    UnsupportedMediaType,
)
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from local.models.container.errors import SettingsError
from local.models.container.model import LoadedModel
from local.models.container.records import SUPPORTED
from local.models.container.settings import Settings

# Loopback only: the container is a process of this machine, and its model is nobody else's.
HOST = "127.0.0.1"
_QUEUED_CONNECTIONS = 128


class Container:
    """Answers requests; until `model` is set, /ping says that it is not ready."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.model: LoadedModel | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request; what is wrong with it is one line of text."""
        try:
            response = self._answer(Request(environ))
        except HTTPException as refusal:
            response = Response(f"{refusal.description}\n", status=refusal.code)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        match request.method, request.path:
            case "GET", "/ping":
                self._loaded_model()
                return Response()
            case "GET", "/execution-parameters":
                return Response(json.dumps(self._parameters()), mimetype="application/json")
            case "POST", "/invocations":
                return self._predict(request)
        raise NotFound(f"there is no {request.path} to {request.method}")

    def _loaded_model(self) -> LoadedModel:
        if self.model is None:
            raise ServiceUnavailable("the model is not loaded yet; ask /ping until it says 200")
        return self.model

    def _parameters(self) -> dict[str, int | str]:
        return {
            "MaxConcurrentTransforms": self.settings.max_concurrent_transforms,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": self.settings.max_payload_mb,
        }

    def _predict(self, request: Request) -> Response:
        model = self._loaded_model()
        body = self._body(request)
        if not body:
            return Response(status=204)
        content_type, accept = _formats(request)
        return Response(model.predict(body, content_type, accept), content_type=accept)

    def _body(self, request: Request) -> bytes:
        """The request's body.

        Werkzeug's own limit cuts a chunked body silently, so this reads one byte more instead.
        """
        limit = self.settings.max_payload_bytes
        stream = io.BufferedReader(cast("io.RawIOBase", request.stream))
        body = stream.read(-1 if limit is None else limit + 1)
        if limit is not None and len(body) > limit:
            raise RequestEntityTooLarge(
                f"the payload is over the limit of {limit} bytes;"
                " send fewer records at once or set MaxPayloadInMB"
            )
        return body


class _Handler(WSGIRequestHandler):
    """A request handler whose log has no colours, and whose replies wait for no acknowledgement."""

    disable_nagle_algorithm = True
    log_request = BaseHTTPRequestHandler.log_request


def make_container_server(container: Container) -> BaseWSGIServer:
    """Listens on the settings' port, with a thread for each request.

    Raises:
        SettingsError: the port is not available.
    """
    port = container.settings.port
    try:
        listening = socket.create_server((HOST, port), backlog=_QUEUED_CONNECTIONS)
    except OSError as error:
        raise SettingsError(
            f"port {port} cannot be listened on: {error.strerror};"
            " set SAGEMAKER_BIND_TO_PORT to a free one"
        ) from error
    with listening:
        return make_server(
            HOST, port, container, threaded=True, request_handler=_Handler, fd=listening.fileno()
        )


def _formats(request: Request) -> tuple[str, str]:
    """Media types of request and reply; the reply has the request's where any will do."""
    content_type = request.mimetype
    if content_type not in SUPPORTED:
        raise UnsupportedMediaType(
            f"Content-Type {request.content_type or ''!r} is not supported; send one of"
            f" {', '.join(SUPPORTED)}"
        )
    accept = request.accept_mimetypes.best_match([content_type, *SUPPORTED])
    if request.accept_mimetypes and accept is None:
        raise NotAcceptable(
            f"Accept {request.headers['Accept']!r} is not supported; ask for one of"
            f" {', '.join(SUPPORTED)}"
        )
    return content_type, accept or content_type
