import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.models.container.errors import SettingsError
from local.models.container.model import load_model
from local.models.container.server import Container, make_container_server
from local.models.container.settings import Settings
from tests.unit.models.container_client import Served, answer, serving


def test_ping_says_no_until_the_model_is_loaded(write_model_dir: Callable[[str], Path]) -> None:
    model_dir = write_model_dir(
        "def model_fn(model_dir): return 1\ndef predict_fn(data, model): return data"
    )
    with serving(Settings(port=0)) as served:
        assert served.get("/ping").status == 503
        assert served.post(b"1\n").status == 503
        served.container.model = load_model(model_dir)
        ready = served.get("/ping")

    assert (ready.status, ready.body) == (200, "")


def test_execution_parameters_are_json(container: Served) -> None:
    reply = container.get("/execution-parameters")

    assert (reply.status, reply.content_type) == (200, "application/json")
    assert json.loads(reply.body) == {
        "MaxConcurrentTransforms": 3,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 1,
    }


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "reply"),
    [
        (b"a,1\nb,2.25\n", "text/csv", "", "2.0\n4.5\n"),
        (b"a,1\r\nb,2\r\n", "text/csv", "*/*", "2.0\n4.0\n"),
        (b'"x, ""y""\nz",1', "text/csv", "text/csv", "2.0\n"),
        (b"1\n", "text/csv; charset=utf-8", "", "2.0\n"),
        (b"1\n2\n", "text/csv", "application/jsonlines", None),
        (b"[1]\n[2]\n", "application/jsonlines", "", None),
        (b"[1]\n[2]\n", "application/jsonlines", "text/csv", "2.0\n4.0\n"),
        (b"1\n2\n", "text/csv", "image/png, application/jsonlines;q=0.5", None),
    ],
)
def test_each_record_has_a_line_of_the_reply(
    container: Served, body: bytes, content_type: str, accept: str, reply: str | None
) -> None:
    expected = reply or '{"predictions": [[2.0]]}\n{"predictions": [[4.0]]}\n'

    assert container.post(body, content_type, accept).body == expected


def test_json_is_one_record(container: Served) -> None:
    reply = container.post(b"[\n 4\n]", "application/json")

    assert (reply.status, reply.content_type) == (200, "application/json")
    assert json.loads(reply.body) == {"predictions": [[8.0]]}


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "sentence"),
    [
        (b"1\n\xff\n", "text/csv", "", 415, "the payload is not UTF-8 text: invalid start byte"),
        (b"1\n", "image/png", "", 415, "Content-Type 'image/png' is not supported; send one of"),
        (b"1\n", "", "", 415, "Content-Type '' is not supported"),
        (b"1\n", "text/csv", "image/png", 406, "Accept 'image/png' is not supported; ask for one"),
        (b"1\nx\n", "text/csv", "", 400, "line 2: 'x' is not a number"),
        (b"1\n\n2\n", "text/csv", "", 400, "line 2: is empty"),
        (b'1\n"2"3\n', "text/csv", "", 400, "line 2: is not CSV: "),
        (b'1\n"2\n', "text/csv", "", 400, "line 2: is not CSV: "),
        (b"[1]\n{]\n", "application/jsonlines", "", 400, "line 2: is not JSON: Expecting"),
        (b"[1]\n\n[2]\n", "application/jsonlines", "", 400, "line 2: is empty"),
        (b"[" * 100_000, "application/jsonlines", "", 400, "line 1: is not JSON"),
        (b"break\n", "text/csv", "", 500, "the model failed: KeyError: 'gone\\nwrong'; see its"),
        (b"lose\n", "text/csv", "", 500, "the model gave 0 predictions for 1 records"),
        (b"nan\n", "text/csv", "", 500, "a prediction cannot be written as text/csv"),
        (b"1\n" * 600_000, "text/csv", "", 413, "the payload is over the limit of 1048576 bytes"),
    ],
)
def test_a_refusal_is_one_clear_line(
    container: Served, body: bytes, content_type: str, accept: str, status: int, sentence: str
) -> None:
    reply = container.post(body, content_type, accept)

    assert reply.status == status
    assert reply.body.startswith(sentence)
    assert reply.body.count("\n") == 1
    assert "Traceback" not in reply.body


def test_the_log_has_the_traceback_of_a_broken_model(
    container: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    container.post(b"break\n")

    assert "Traceback" in capfd.readouterr().err


def test_an_empty_body_has_an_empty_reply(container: Served) -> None:
    reply = container.post(b"")

    assert (reply.status, reply.body) == (204, "")


@pytest.mark.parametrize(("method", "path"), [("GET", "/invocations"), ("POST", "/ping")])
def test_other_paths_are_not_found(container: Served, method: str, path: str) -> None:
    with container.connection() as connection:
        connection.request(method, path)
        reply = answer(connection)

    assert (reply.status, reply.body) == (404, f"there is no {path} to {method}\n")


def test_chunked_bodies_are_read_whole(container: Served) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"1\n2"
        yield b"\n3\n"

    with container.connection() as connection:
        headers = {"Content-Type": "text/csv", "Transfer-Encoding": "chunked"}
        connection.request("POST", "/invocations", pieces(), headers, encode_chunked=True)
        reply = answer(connection)

    assert reply.body == "2.0\n4.0\n6.0\n"


@pytest.mark.parametrize(("kilobytes", "status"), [(1024, 200), (1025, 413)])
def test_chunked_bodies_have_the_same_limit(container: Served, kilobytes: int, status: int) -> None:
    body = iter([b"1".ljust(1023) + b"\n"] * kilobytes)
    with container.connection() as connection:
        headers = {"Content-Type": "text/csv", "Transfer-Encoding": "chunked"}
        connection.request("POST", "/invocations", body, headers, encode_chunked=True)

        assert answer(connection).status == status


def test_requests_do_not_wait_for_each_other(write_model_dir: Callable[[str], Path]) -> None:
    model_dir = write_model_dir(
        "import threading\n"
        "both_are_here = threading.Barrier(2, timeout=20)\n"
        "def model_fn(model_dir): return None\n"
        "def predict_fn(data, model):\n"
        "    both_are_here.wait()\n"
        "    return [1.5]\n"
    )
    bodies = []
    with serving(Settings(port=0)) as served:
        served.container.model = load_model(model_dir)
        clients = [
            threading.Thread(target=lambda: bodies.append(served.post(b"1\n").body))
            for _ in range(2)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    assert bodies == ["1.5\n", "1.5\n"]


def test_only_this_machine_can_reach_the_container(container: Served) -> None:
    assert container.host == "127.0.0.1"


def test_a_port_in_use_is_one_clear_sentence(container: Served) -> None:
    taken = Container(Settings(port=container.port))

    with pytest.raises(
        SettingsError, match=rf"port {container.port} cannot be .*: Address already"
    ):
        make_container_server(taken)
