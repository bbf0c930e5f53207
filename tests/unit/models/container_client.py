"""A container under test, and what it replies over real HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

from local.models.container.server import Container, make_container_server
from local.models.container.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a container replied."""

    status: int
    body: str
    content_type: str | None


@dataclass(frozen=True, kw_only=True)
class Served:
    """A container that is being served."""

    container: Container
    host: str
    port: int

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection(self.host, self.port, timeout=20)
        try:
            yield connection
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        with self.connection() as connection:
            connection.request("GET", path)
            return answer(connection)

    def post(self, body: bytes, content_type: str = "text/csv", accept: str = "") -> Answer:
        with self.connection() as connection:
            headers = {"Content-Type": content_type, "Accept": accept}
            connection.request("POST", "/invocations", body, headers)
            return answer(connection)


def answer(connection: HTTPConnection) -> Answer:
    """The reply to the request just sent."""
    response = connection.getresponse()
    return Answer(
        status=response.status,
        body=response.read().decode("utf-8"),
        content_type=response.getheader("Content-Type"),
    )


@contextmanager
def serving(settings: Settings) -> Iterator[Served]:
    """Serves until the end of the block, on a free port, at first without a model."""
    container = Container(settings)
    server = make_container_server(container)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        host, port = server.socket.getsockname()
        yield Served(container=container, host=host, port=port)
    finally:
        server.shutdown()
        thread.join()
