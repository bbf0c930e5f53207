"""Sending one HTTP/1.1 request, while the container may already answer.

A container that refuses a long request need not read it; one that answers as it reads must be
listened to meanwhile, or both sides wait for each other.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator

from sagemaker_local.agent.errors import INTERNAL, ObjectError
from sagemaker_local.agent.replies import remaining

ChunkSource = Callable[[], Iterator[bytes]]
Body = bytes | ChunkSource

_JOINED = 65536
"""Bodies up to this size travel in one packet with their head."""


class RefusedError(OSError):
    """The request is answered with an error, or the connection closed, before all of it is sent."""


def send(connection: socket.socket, head: bytes, body: Body, deadline: float) -> Iterator[None]:
    """Send a request.

    Args:
        connection: where to.
        head: its head, without its length and final blank line.
        body: bytes, or chunks.
        deadline: moment of the monotonic clock at which all must be sent.

    Yields:
        Once at most, when a reply begins that is no error; going on sends the rest.

    Raises:
        RefusedError: it is refused before all is sent.
        TimeoutError: it was not sent in time.
        OSError: the connection broke.
        ObjectError: the body cannot be read to its end.
    """
    watch = _Watch()
    if isinstance(body, bytes):
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        yield from _send_joined(connection, (head + length, body, b""), deadline, watch)
        return
    connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
    for chunk in _readable(body):
        connection.settimeout(remaining(deadline))
        parts = b"%x\r\n" % len(chunk), chunk, b"\r\n"
        yield from _send_joined(connection, parts, deadline, watch)
    connection.sendall(b"0\r\n\r\n")


@contextlib.contextmanager
def finishing(rest: Iterator[None], connection: socket.socket) -> Iterator[None]:
    """Send the rest of a request while its reply is read inside.

    Raises:
        ObjectError: the body cannot be read to its end.
    """
    failures: list[ObjectError] = []

    def finish() -> None:
        try:
            for _ in rest:
                pass
        except OSError:
            return  # whoever reads the reply sees what happened
        except ObjectError as error:
            failures.append(error)
            _shut(connection)

    thread = threading.Thread(target=finish, daemon=True)
    thread.start()
    try:
        yield
    finally:
        _shut(connection)
        thread.join()
        if failures:
            raise failures[0]


class _Watch:
    """Looks whether a reply begins before all is sent."""

    def __init__(self) -> None:
        self.seen = False

    def begins(self, connection: socket.socket) -> bool:
        """Whether one begins now; only the first time.

        Raises:
            RefusedError: it is an error, or the connection is closed.
        """
        if self.seen:
            return False
        status = connection.recv(12, socket.MSG_PEEK)[9:]
        if status[:1] not in {b"1", b"2", b"3"}:
            raise RefusedError
        self.seen = True
        return True


def _send_joined(
    connection: socket.socket, parts: tuple[bytes, bytes, bytes], deadline: float, watch: _Watch
) -> Iterator[None]:
    before, data, after = parts
    if len(data) <= _JOINED:
        connection.sendall(before + data + after)
        return
    connection.sendall(before)
    rest = memoryview(data)
    while rest:
        watched = [] if watch.seen else [connection]
        readable, writable, _ = select.select(watched, [connection], [], remaining(deadline))
        if readable and watch.begins(connection):
            yield
        if writable:
            rest = rest[connection.send(rest) :]
    connection.sendall(after)


def _readable(body: ChunkSource) -> Iterator[bytes]:
    """The chunks that are not empty; what cannot be read is no fault of the connection.

    Raises:
        ObjectError: the body cannot be read to its end.
    """
    try:
        yield from filter(None, body())
    except OSError as error:
        raise ObjectError(INTERNAL, f"the object cannot be read: {error}") from error


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
