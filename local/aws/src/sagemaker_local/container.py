r"""A model container for tests, on the standard library alone.

Subclass `ModelHandler`, and either serve it as a program that an image stands for:

    # model.py, with containers.register("my/model:1", [sys.executable, Path("model.py")])
    class Model(ModelHandler):
        def answer(self, body):
            return b"0.5\n" * body.count(b"\n")

    serve(Model)

or within the test, and give its URL as the model's Image:

    with listening(Model) as url:
        client.create_model(..., PrimaryContainer={"Image": url})

`python -m sagemaker_local.container` serves a model that answers with what it is sent.
"""

from __future__ import annotations

import contextlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_SECONDS = 0.05


class ModelHandler(BaseHTTPRequestHandler):
    """Answers `/ping` with 200, and a request with `answer`, which is an echo until overridden."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """`/ping`; nothing else."""
        self.send(200 if self.path == "/ping" else 404, b"")

    def do_POST(self) -> None:
        """`/invocations`."""
        self.send(200, self.answer(self.body()))

    def answer(self, body: bytes) -> bytes:
        """The predictions for the records of one request."""
        return body

    def body(self) -> bytes:
        """The whole body of the request, chunked or not."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def send(self, status: int, body: bytes) -> None:
        """Send a reply."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def serve(handler: type[ModelHandler]) -> None:
    """Serve on the port that SageMaker names, until the process is ended."""
    address = ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    _Server(address, handler).serve_forever()


@contextlib.contextmanager
def listening(handler: type[ModelHandler]) -> Iterator[str]:
    """Serve on a free port meanwhile; the URL to give as an Image."""
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,))
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    serve(ModelHandler)
