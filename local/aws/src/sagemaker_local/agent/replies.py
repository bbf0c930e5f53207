"""Reading one HTTP/1.1 reply from a connection. A long body goes to a file, not into memory.

Lines may end with a bare newline, as Go's `net/http` takes them too.
"""

from __future__ import annotations

import re
import tempfile
import time
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import socket

_HEAD_END = re.compile(rb"\n\r?\n")
MOST_IN_MEMORY = 16 << 20
"""Bodies of more bytes are kept in a file; SageMaker's default payload is 6 MB."""
_MOST_AT_ONCE = 1 << 20


class Reply(NamedTuple):
    """A whole HTTP reply.

    Args:
        body: its body; empty when that is in `file`.
        file: a long body, at its start; it is nameless and goes when it is closed.
    """

    status: int
    body: bytes
    content_type: str
    file: IO[bytes] | None = None

    def read(self) -> bytes:
        """All of the body."""
        if self.file is None:
            return self.body
        with self.file:
            return self.file.read()


class StaleError(Exception):
    """The other side closed before the first byte of a reply."""


class _Body:
    """Collects a body."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._pieces: list[bytes] = []
        self._size = 0
        self._file: IO[bytes] | None = None

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._file is None and self._size > MOST_IN_MEMORY:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - the reply's
            self._file.writelines(self._pieces)
            self._pieces = []
        if self._file is None:
            self._pieces.append(piece)
        else:
            self._file.write(piece)

    def reply(self, status: int, content_type: str) -> Reply:
        if self._file is None:
            return Reply(status, b"".join(self._pieces), content_type)
        self._file.seek(0)
        return Reply(status, b"", content_type, self._file)


class ReplyReader:
    """Reads one reply from a connection.

    Args:
        connection: where it comes from.
        deadline: moment of the monotonic clock at which it must be whole.
        folder: where a long body is kept.
    """

    def __init__(self, connection: socket.socket, deadline: float, folder: str | None) -> None:
        self._connection = connection
        self._deadline = deadline
        self._data = bytearray()
        self._body = _Body(folder)

    def reply(self) -> tuple[Reply, bool]:
        """The reply, and whether the connection may be used again.

        Raises:
            StaleError: the other side closed before the first byte.
            TimeoutError: it was not whole in time.
            OSError: the connection broke.
            ValueError: it is not HTTP.
        """
        status, headers, keep = self._head()
        while 100 <= status < 200:
            status, headers, keep = self._head()
        kind = headers.get(b"content-type", b"").decode("latin-1")
        length = headers.get(b"content-length")
        if status in {204, 304}:
            return Reply(status, b"", kind), keep
        if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
            self._chunked()
        elif length is not None:
            self._exactly(int(length))
        else:
            self._until_closed()
            keep = False
        return self._body.reply(status, kind), keep

    def _head(self) -> tuple[int, dict[bytes, bytes], bool]:
        while (end := _HEAD_END.search(self._data)) is None:
            self._more(first=not self._data)
        lines = bytes(self._data[: end.start()]).split(b"\n")
        del self._data[: end.end()]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        version, _, rest = lines[0].partition(b" ")
        keep = version != b"HTTP/1.0" and headers.get(b"connection", b"").lower() != b"close"
        return int(rest[:3]), headers, keep

    def _receive(self, most: int) -> bytes:
        self._connection.settimeout(remaining(self._deadline))
        try:
            return self._connection.recv(most)
        except (ConnectionResetError, BrokenPipeError):
            return b""

    def _more(self, *, first: bool = False) -> None:
        piece = self._receive(65536)
        if not piece:
            if first:
                raise StaleError
            raise ConnectionError("the connection was closed in the middle of a reply")
        self._data += piece

    def _exactly(self, length: int) -> None:
        if length < 0:
            raise ValueError(f"a length of {length}")
        taken = bytes(self._data[:length])
        del self._data[: len(taken)]
        self._body.add(taken)
        left = length - len(taken)
        while left:
            piece = self._receive(min(left, _MOST_AT_ONCE))
            if not piece:
                raise ConnectionError("the connection was closed in the middle of a reply")
            self._body.add(piece)
            left -= len(piece)

    def _line(self) -> bytes:
        while (end := self._data.find(b"\n")) < 0:
            self._more()
        line = bytes(self._data[:end])
        del self._data[: end + 1]
        return line.rstrip(b"\r")

    def _chunked(self) -> None:
        while size := int(self._line().split(b";")[0], 16):
            self._exactly(size)
            self._line()
        while self._line():
            pass

    def _until_closed(self) -> None:
        self._body.add(bytes(self._data))
        while piece := self._receive(_MOST_AT_ONCE):
            self._body.add(piece)


def remaining(deadline: float) -> float:
    """Seconds until a moment of the monotonic clock.

    Raises:
        TimeoutError: it is over.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
