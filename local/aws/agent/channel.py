"""A lean HTTP/1.1 client for one container: one kept-alive connection, bytes in and bytes out.

`http.client` spends more time on one small request than a fast container does, and SingleRecord
sends a request for each record.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from local.aws.agent.errors import ExchangeFailed, ExchangeTimeout, ObjectError

ChunkSource = Callable[[], Iterator[bytes]]
Body = bytes | ChunkSource

_JOINED = 65536
"""Bodies up to this size travel in one packet with their head."""
_MOST_AT_ONCE = 1 << 20


class Reply(NamedTuple):
    """A whole HTTP reply."""

    status: int
    body: bytes
    content_type: str


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
    """One connection to one container. Used by one thread at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
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
        """
        deadline = time.monotonic() + timeout
        reused = self._socket is not None
        try:
            try:
                return self._attempt(head, body, deadline)
            except _Stale:
                self.close()
                if not reused:
                    raise
                return self._attempt(head, body, deadline)
        except TimeoutError as error:
            self.close()
            raise ExchangeTimeout(f"no reply within {timeout:g} seconds") from error
        except _Stale:
            self.close()
            raise ExchangeFailed("the connection was closed without a reply") from None
        except (OSError, ValueError) as error:
            self.close()
            raise ExchangeFailed(str(error)) from error
        except ObjectError:  # the body that was being sent cannot be read to its end
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _attempt(self, head: bytes, body: Body, deadline: float) -> Reply:
        connection = self._connect(deadline)
        connection.settimeout(_remaining(deadline))
        broken = False
        try:
            _send(connection, head, body)
        except TimeoutError:
            raise
        except OSError:
            broken = True  # a container may refuse early and close; its reply can still be read
        reply, keep = _Reader(connection, deadline).reply()
        if not keep or broken:
            self.close()
        return reply

    def _connect(self, deadline: float) -> socket.socket:
        if self._socket is None:
            address = (self._target.host, self._target.port)
            self._socket = socket.create_connection(address, timeout=_remaining(deadline))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stale(Exception):
    """The other side closed before the first byte of a reply."""


def _remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _send(connection: socket.socket, head: bytes, body: Body) -> None:
    if not isinstance(body, bytes):
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for chunk in body():
            if chunk:
                connection.sendall(b"%x\r\n" % len(chunk))
                connection.sendall(chunk)
                connection.sendall(b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        return
    whole = head + b"Content-Length: %d\r\n\r\n" % len(body)
    if len(body) <= _JOINED:
        connection.sendall(whole + body)
    else:
        connection.sendall(whole)
        connection.sendall(body)


class _Reader:
    """Reads one reply from a connection."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._data = bytearray()

    def reply(self) -> tuple[Reply, bool]:
        """The reply, and whether the connection may be used again."""
        status, headers, keep = self._head()
        while 100 <= status < 200:
            status, headers, keep = self._head()
        kind = headers.get(b"content-type", b"").decode("latin-1")
        if status in {204, 304}:
            return Reply(status, b"", kind), keep
        if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
            return Reply(status, self._chunked(), kind), keep
        length = headers.get(b"content-length")
        if length is None:
            return Reply(status, self._until_closed(), kind), False
        return Reply(status, self._exactly(int(length)), kind), keep

    def _head(self) -> tuple[int, dict[bytes, bytes], bool]:
        end = self._data.find(b"\r\n\r\n")
        while end < 0:
            self._more(first=not self._data)
            end = self._data.find(b"\r\n\r\n")
        lines = bytes(self._data[:end]).split(b"\r\n")
        del self._data[: end + 4]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        version, _, rest = lines[0].partition(b" ")
        keep = version != b"HTTP/1.0" and headers.get(b"connection", b"").lower() != b"close"
        return int(rest[:3]), headers, keep

    def _receive(self, most: int) -> bytes:
        self._connection.settimeout(_remaining(self._deadline))
        try:
            return self._connection.recv(most)
        except (ConnectionResetError, BrokenPipeError):
            return b""

    def _more(self, *, first: bool = False) -> None:
        piece = self._receive(65536)
        if not piece:
            if first:
                raise _Stale
            raise ConnectionError("the connection was closed in the middle of a reply")
        self._data += piece

    def _exactly(self, length: int) -> bytes:
        if len(self._data) >= length:
            body = bytes(self._data[:length])
            del self._data[:length]
            return body
        pieces = [bytes(self._data)]
        self._data.clear()
        left = length - len(pieces[0])
        while left:
            piece = self._receive(min(left, _MOST_AT_ONCE))
            if not piece:
                raise ConnectionError("the connection was closed in the middle of a reply")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _line(self) -> bytes:
        end = self._data.find(b"\r\n")
        while end < 0:
            self._more()
            end = self._data.find(b"\r\n")
        line = bytes(self._data[:end])
        del self._data[: end + 2]
        return line

    def _chunked(self) -> bytes:
        pieces = []
        while size := int(self._line().split(b";")[0], 16):
            pieces.append(self._exactly(size))
            self._line()
        while self._line():
            pass
        return b"".join(pieces)

    def _until_closed(self) -> bytes:
        while piece := self._receive(_MOST_AT_ONCE):
            self._data += piece
        return bytes(self._data)
