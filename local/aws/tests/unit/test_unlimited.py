"""MaxPayloadInMB 0: requests without a bound pass through in pieces, and replies too."""

import socket
import threading
import time
from types import SimpleNamespace

import pytest

from sagemaker_lab.samples import plan, recordio, tfrecord
from sagemaker_local.agent import split
from sagemaker_local.agent.channel import Channel, Target
from sagemaker_local.agent.errors import ObjectError
from sagemaker_local.agent.feed import with_line_end
from sagemaker_local.agent.pack import PIECE_OF_UNLIMITED, Packer, Packing
from sagemaker_local.agent.processing import Processor
from sagemaker_local.agent.replies import MOST_IN_MEMORY, ReplyReader

RECORDS = [b"%07d,%b" % (number, b"x" * 991) for number in range(8000)]
LINES = b"\n".join([*RECORDS, b""])


def chunks_of(data):
    return lambda: (data[start : start + 100_000] for start in range(0, len(data), 100_000))


def sent(kind, data, processor=None, **packing):
    """The requests of an object without a limit, each as the chunks of its body."""
    packer = Packer(packing=Packing(split_type=kind, limit=None, **packing), processor=processor)
    return [list(batch.body()) for batch in packer.batches(chunks_of(data))]


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("kind", ["Line", "None"])
def test_every_request_is_chunked(kind, single):
    assert sent(kind, b"1\n", single=single) == [[b"1\n"]]


@pytest.mark.parametrize(
    ("kind", "data"),
    [("Line", LINES), ("RecordIO", recordio(RECORDS)), ("TFRecord", tfrecord(RECORDS[:2] * 1000))],
)
def test_an_object_is_one_request_in_pieces(kind, data):
    (chunks,) = sent(kind, data, single=False)
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= split.BLOCK + 100_000


def test_filtered_lines_are_one_request_in_pieces():
    processor = Processor(plan("text/csv", input_filter="$[1:]"))
    (chunks,) = sent("Line", LINES, processor, single=False)
    assert b"".join(chunks) == b"".join(b"x" * 991 + b"\n" for _ in RECORDS)
    assert max(map(len, chunks)) <= 2 * split.BLOCK


def test_lines_as_switched_are_one_request_in_pieces():
    fields = {"keep_line_ends": False, "blank_lines": "skip", "strip_carriage_returns": True}
    assert sent("Line", b"1\r\n\n2\r\n", single=False, **fields) == [[b"1\n2"]]
    assert sent("Line", b"\n\n", single=False, **fields) == []


@pytest.mark.parametrize("input_filter", ["$", "$[1:]"])
def test_lines_whose_replies_are_joined_are_sent_in_bounded_requests(input_filter):
    processor = Processor(plan("text/csv", join=True, input_filter=input_filter))
    requests = sent("Line", LINES, processor, single=False)
    assert len(requests) > 1
    assert max(len(b"".join(chunks)) for chunks in requests) <= PIECE_OF_UNLIMITED


def read(data, folder):
    """The reply that a container sends as these bytes, and whether its connection is kept."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = threading.Thread(
            target=lambda: (theirs.sendall(data), theirs.shutdown(socket.SHUT_WR))
        )
        writer.start()
        try:
            return ReplyReader(ours, time.monotonic() + 60, str(folder)).reply()
        finally:
            writer.join()


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    ("headers", "body", "keep"),
    [
        ([b"Content-Length: 5"], b"a\r\n\nb", True),
        ([b"Transfer-Encoding: chunked"], b"3;x=yENDabc\r\n0ENDtrailer: 1ENDEND", True),
        ([b"Content-Length: 0", b"Connection: close"], b"", False),
        ([], b"\n\n", False),
    ],
    ids=["length", "chunked", "closed", "until closed"],
)
def test_lines_of_a_reply_may_end_with_a_bare_newline(tmp_path, end, headers, body, keep):
    body = body.replace(b"END", end)
    head = [b"HTTP/1.1 201 Created", b"Content-Type: text/csv", *headers, b"", b""]
    reply, kept = read(end.join(head) + body, tmp_path)
    assert (reply.status, reply.content_type, kept) == (201, "text/csv", keep)
    assert reply.read() == (b"abc" if b"trailer" in body else body)


@pytest.mark.parametrize("way", ["length", "chunked", "until closed"])
@pytest.mark.parametrize("size", [3, MOST_IN_MEMORY + 5])
def test_a_long_reply_is_kept_in_a_file(way, size, tmp_path):
    body = b"0123456789" * (size // 10 + 1)
    heads = {"length": b"Content-Length: %d\r\n" % len(body), "until closed": b""}
    head = heads.get(way, b"Transfer-Encoding: chunked\r\n")
    if way == "chunked":
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    reply, keep = read(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body, tmp_path)
    assert keep == (way != "until closed")
    assert (reply.file is not None) == (size > MOST_IN_MEMORY)
    assert reply.read() == b"0123456789" * (size // 10 + 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "always", "expected"),
    [(b"1", False, b"1\n"), (b"1\n", False, b"1\n"), (b"1\n", True, b"1\n\n")],
)
def test_the_line_end_of_a_long_reply(tmp_path, text, always, expected):
    path = tmp_path / "reply"
    path.write_bytes(text)
    with path.open("r+b") as file:
        assert with_line_end(file, always=always).read() == expected
    assert with_line_end(text, always=always) == expected


def early_answer(server):
    """Answer before a request is read, and keep the connection."""
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        server.over.wait(30)


@pytest.mark.parametrize("body", [b"x" * 50_000_000, lambda: iter([b"x" * 50_000_000])])
def test_an_answer_that_comes_before_the_request_is_sent(body):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()
        server = SimpleNamespace(accept=listening.accept, over=over)
        thread = threading.Thread(target=early_answer, args=(server,))
        thread.start()
        with Channel(Target(host="127.0.0.1", port=listening.getsockname()[1])) as channel:
            reply = channel.exchange(channel.request("POST", "/invocations", {}), body, 10.0)
        over.set()
        thread.join()
    assert (reply.status, reply.body) == (413, b"big")


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("odd")])
def test_nothing_follows_half_a_request(error):
    """A body that cannot be read must not leave its connection to the next request."""

    def body():
        yield b"1\n"
        raise error

    with socket.create_server(("127.0.0.1", 0)) as server:
        channel = Channel(Target(host="127.0.0.1", port=server.getsockname()[1]))
        with channel:
            head = channel.request("POST", "/invocations", {})
            with pytest.raises((ObjectError, RuntimeError)):
                channel.exchange(head, body, 30.0)
            connection, _ = server.accept()
            with connection:
                received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.endswith(b"2\r\n1\n\r\n")


def test_a_container_that_answers_while_it_reads():
    """It stops to read when nobody takes what it has written."""
    body = [bytes([number]) * 1_000_000 for number in range(40)]

    def echo(listening):
        connection, _ = listening.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while data := connection.recv(65536):
                connection.sendall(data)
                if data.endswith(b"\r\n0\r\n\r\n"):
                    break

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=echo, args=(listening,))
        thread.start()
        with Channel(Target(host="127.0.0.1", port=listening.getsockname()[1])) as channel:
            head = channel.request("POST", "/invocations", {})
            reply = channel.exchange(head, lambda: iter(body), 30.0)
        thread.join()
    with reply.file as file:
        echoed = file.read()
    assert echoed.endswith(b"".join(b"f4240\r\n%b\r\n" % each for each in body) + b"0\r\n\r\n")
