import io
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.models.container.errors import PayloadTooLargeError
from local.models.container.request_body import BodyReader


def headers(**named: str) -> Message:
    message = Message()
    for name, value in named.items():
        message[name.replace("_", "-")] = value
    return message


def chunked(pieces: list[bytes], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    framed = [b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces if piece]
    return b"".join(framed) + b"0\r\n" + trailer + b"\r\n"


CHUNKED = headers(Transfer_Encoding="Chunked")
NEXT_REQUEST = b"GET /ping HTTP/1.1\r\n\r\n"


@given(
    pieces=st.lists(st.binary(max_size=300), max_size=8),
    extension=st.sampled_from([b"", b";name=value", b" ; x"]),
    trailer=st.sampled_from([b"", b"Digest: x\r\n"]),
)
def test_chunks_are_put_together_and_nothing_more_is_read(
    pieces: list[bytes], extension: bytes, trailer: bytes
) -> None:
    stream = io.BytesIO(chunked(pieces, extension, trailer) + NEXT_REQUEST)

    assert BodyReader(stream, None).read(CHUNKED) == b"".join(pieces)
    assert stream.read() == NEXT_REQUEST


@given(body=st.binary(max_size=300_000))
def test_a_counted_body_is_read_and_nothing_more(body: bytes) -> None:
    stream = io.BytesIO(body + NEXT_REQUEST)

    assert BodyReader(stream, None).read(headers(Content_Length=str(len(body)))) == body
    assert stream.read() == NEXT_REQUEST


def test_no_announcement_means_no_body() -> None:
    assert BodyReader(io.BytesIO(NEXT_REQUEST), None).read(headers()) == b""


def test_a_body_of_just_the_limit_is_taken() -> None:
    assert BodyReader(io.BytesIO(b"12345"), 5).read(headers(Content_Length="5")) == b"12345"


@pytest.mark.parametrize(
    ("framed", "named"),
    [(b"123456", headers(Content_Length="6")), (chunked([b"123", b"456"]), CHUNKED)],
)
def test_a_body_over_the_limit_is_refused_once_it_is_read(framed: bytes, named: Message) -> None:
    stream = io.BytesIO(framed + NEXT_REQUEST)

    with pytest.raises(PayloadTooLargeError, match="has 6 bytes, the limit is 5"):
        BodyReader(stream, 5).read(named)
    assert stream.read() == NEXT_REQUEST
