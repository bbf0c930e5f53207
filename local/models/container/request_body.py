"""Reads the body of an HTTP/1.1 request, counted or chunked.

`http.server` leaves bodies to its users. https://www.rfc-editor.org/rfc/rfc9112#section-7.1
"""

from email.message import Message
from typing import BinaryIO

from local.models.container.errors import BadRecordError, PayloadTooLargeError

_LONGEST_LINE = 8192
_PIECE = 1 << 16


class BodyReader:
    """Reads one body, and keeps no more of it than the limit."""

    def __init__(self, stream: BinaryIO, max_bytes: int | None) -> None:
        """Reads from `stream`, at most `max_bytes`; None means no limit."""
        self._stream = stream
        self._max_bytes = max_bytes
        self._body = bytearray()
        self._size = 0

    def read(self, headers: Message) -> bytes:
        """The whole body; empty where the headers announce none.

        A body over the limit is read to its end too: a client that is still sending would see a
        broken connection in place of the answer.

        Raises:
            PayloadTooLargeError: the body is over the limit.
            BadRecordError: the body is not framed as its headers say.
        """
        if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
            self._read_chunks()
        else:
            self._read_counted(headers.get("Content-Length", "0").strip())
        if self._max_bytes is not None and self._size > self._max_bytes:
            raise PayloadTooLargeError(
                f"the payload has {self._size} bytes, the limit is {self._max_bytes};"
                " send fewer records at once or set MaxPayloadInMB"
            )
        return bytes(self._body)

    def _read_counted(self, length: str) -> None:
        if not (length.isascii() and length.isdigit()):
            raise BadRecordError(f"Content-Length {length!r} is not a number of bytes")
        self._take(int(length))

    def _read_chunks(self) -> None:
        while size := self._chunk_size():
            self._take(size)
            if self._line():
                raise BadRecordError("a chunk of the request is longer than it says")
        while self._line():
            continue  # trailers

    def _chunk_size(self) -> int:
        digits = self._line().partition(b";")[0].strip()
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise BadRecordError(f"{digits.decode('latin-1')!r} is not the size of a chunk")
        return int(digits, 16)

    def _line(self) -> bytes:
        line = self._stream.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise BadRecordError("the request ends within its body")
        return line.rstrip(b"\r\n")

    def _take(self, size: int) -> None:
        """Reads exactly `size` bytes, and forgets what is over the limit."""
        self._size += size
        while size:
            piece = self._stream.read(min(size, _PIECE))
            if not piece:
                raise BadRecordError(f"the request ends {size} bytes before its body does")
            size -= len(piece)
            if self._max_bytes is None or len(self._body) <= self._max_bytes:
                self._body += piece
