"""A lean HTTP/1.1 client for one container: one kept-alive connection, bytes in and bytes out.

`http.client` spends more time on one small request than a fast container does, and SingleRecord
sends a request for each record.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.aws.agent.errors import INTERNAL, ExchangeFailed, ExchangeTimeout, ObjectError
from local.aws.agent.replies import Reply, ReplyReader, StaleError, remaining

ChunkSource = Callable[[], Iterator[bytes]]
Body = bytes | ChunkSource

_JOINED = 65536
"""Bodies up to this size travel in one packet with their head."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a container listens."""

    host: str
    port: int
    base_path: str = ""

    @classmethod
    def from_url(cls, url: str) -> Target:
        """The target an `http://` URL names."""
        parts = urlsplit(url)
        return cls(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 80,
            base_path=parts.path.rstrip("/"),
        )


class Channel:
    """One connection to one container. Used by one thread at a time.

    Args:
        target: where the container listens.
        folder: where long replies are kept; the system's folder for temporary files unless given.
    """

    def __init__(self, target: Target, folder: str | None = None) -> None:
        self._target = target
        self._folder = folder
        self._socket: socket.socket | None = None

    def request(self, method: str, path: str, headers: dict[str, str]) -> bytes:
        """The head of a request without its length and final blank line."""
        lines = [f"{method} {self._target.base_path}{path} HTTP/1.1"]
        lines.append(f"Host: {self._target.host}:{self._target.port}")
        lines += [f"{name}: {' '.join(value.split())}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n").encode("latin-1", "replace")

    def exchange(self, head: bytes, body: Body, timeout: float) -> Reply:
        """Send one request and read its reply.

        A kept-alive connection that the container closed meanwhile is opened again once.

        Raises:
            ExchangeTimeout: no whole reply within `timeout` seconds.
            ExchangeFailed: the connection broke.
            ObjectError: the body that was being sent cannot be read to its end.
        """
        deadline = time.monotonic() + timeout
        reused = self._socket is not None
        try:
            try:
                return self._attempt(head, body, deadline)
            except StaleError:
                self.close()
                if not reused:
                    raise
                return self._attempt(head, body, deadline)
        except TimeoutError as error:
            self.close()
            raise ExchangeTimeout(f"no reply within {timeout:g} seconds") from error
        except StaleError:
            self.close()
            raise ExchangeFailed("the connection was closed without a reply") from None
        except (OSError, ValueError) as error:
            self.close()
            raise ExchangeFailed(str(error)) from error
        except BaseException:  # half a request may be on its way: nothing can follow it
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _attempt(self, head: bytes, body: Body, deadline: float) -> Reply:
        connection = self._connect(deadline)
        connection.settimeout(remaining(deadline))
        broken = False
        try:
            _send(connection, head, body, deadline)
        except TimeoutError:
            raise
        except OSError:
            broken = True  # a container may refuse early and close; its reply can still be read
        reply, keep = ReplyReader(connection, deadline, self._folder).reply()
        if not keep or broken:
            self.close()
        return reply

    def _connect(self, deadline: float) -> socket.socket:
        if self._socket is None:
            address = (self._target.host, self._target.port)
            self._socket = socket.create_connection(address, timeout=remaining(deadline))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _send(connection: socket.socket, head: bytes, body: Body, deadline: float) -> None:
    if not isinstance(body, bytes):
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for chunk in _readable(body):
            connection.settimeout(remaining(deadline))
            _send_joined(connection, b"%x\r\n" % len(chunk), chunk, b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        return
    _send_joined(connection, head + b"Content-Length: %d\r\n\r\n" % len(body), body, b"")


def _readable(body: ChunkSource) -> Iterator[bytes]:
    """The chunks that are not empty; what cannot be read is no fault of the connection.

    Raises:
        ObjectError: the body cannot be read to its end.
    """
    try:
        yield from filter(None, body())
    except OSError as error:
        raise ObjectError(INTERNAL, f"the object cannot be read: {error}") from error


def _send_joined(connection: socket.socket, before: bytes, data: bytes, after: bytes) -> None:
    if len(data) <= _JOINED:
        connection.sendall(before + data + after)
    else:
        connection.sendall(before)
        connection.sendall(data)
        connection.sendall(after)
