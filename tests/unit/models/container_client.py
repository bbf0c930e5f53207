"""A container under test, and what it replies over real HTTP."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

from local.models.container.model import LoadedModel
from local.models.container.server import ModelServer
from local.models.container.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a container replied."""

    status: int
    body: str
    content_type: str | None


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container that is being served, and the model it waits for."""

    server: ModelServer
    model: Future[LoadedModel]

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
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
def serving(settings: Settings) -> Iterator[Container]:
    """Serves until the end of the block, on a free port, at first without a model."""
    model: Future[LoadedModel] = Future()
    with ModelServer(settings, model) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Container(server=server, model=model)
        finally:
            server.shutdown()
            thread.join()
