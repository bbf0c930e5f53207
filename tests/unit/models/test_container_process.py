"""The container program as SageMaker sees it: a process with an environment."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.unit.models.container_client import Answer, answer

ROOT = Path(__file__).parents[3]
LAST_WORDS_SECONDS = 30


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The program, ended at the end of the block whatever it does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.models.container", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def last_words(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and error output of a program that ends by itself."""
    with running(*arguments, **environment) as process:
        _, error = process.communicate(timeout=LAST_WORDS_SECONDS)
        return process.returncode, error


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline().rpartition(":")[2])


def wait_until_loaded(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert "serving" in process.stdout.readline()


def ask(port: int, method: str, path: str, body: bytes | None = None) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, {"Content-Type": "application/jsonlines"})
    reply = answer(connection)
    connection.close()
    return reply


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_model_is_served_until_a_signal(
    write_model_dir: Callable[[str], Path], stop: signal.Signals
) -> None:
    source = ROOT / "local" / "models" / "support_sentiment" / "inference.py"
    model_dir = str(write_model_dir(source.read_text(encoding="utf-8")))

    with running("serve", SAGEMAKER_BIND_TO_PORT="0", SM_MODEL_DIR=model_dir) as process:
        port = port_of(process)
        wait_until_loaded(process)
        assert ask(port, "GET", "/ping").status == 200
        body = b'{"message_id": 7, "feature_A": "Great", "feature_B": "I love it"}\n'
        reply = ask(port, "POST", "/invocations", body)
        process.send_signal(stop)
        code = process.wait(timeout=20)

    assert (reply.body, code) == ('{"predictions": [[0.926]]}\n', 0)


def test_a_model_that_cannot_be_loaded_ends_the_container(
    write_model_dir: Callable[[str], Path],
) -> None:
    model_dir = write_model_dir(
        "def model_fn(model_dir): raise_it()\n"
        "def raise_it(): raise OSError('no weights')\n"
        "def predict_fn(data, model): return data\n"
    )
    code, error = last_words("serve", SAGEMAKER_BIND_TO_PORT="0", SM_MODEL_DIR=str(model_dir))

    assert code == 1
    assert error == f"model container: model_fn of {model_dir} failed: OSError: no weights\n"


@pytest.mark.parametrize(
    ("inference", "reason"),
    [
        ("import nothing_like_this", "cannot be imported: ModuleNotFoundError"),
        ("def model_fn(model_dir): 0", "has no function predict_fn"),
    ],
)
def test_broken_code_is_named(
    write_model_dir: Callable[[str], Path], inference: str, reason: str
) -> None:
    model_dir = str(write_model_dir(inference))
    code, error = last_words("serve", SAGEMAKER_BIND_TO_PORT="0", SM_MODEL_DIR=model_dir)

    assert code == 1
    assert f"code/inference.py {reason}" in error
    assert "Traceback" not in error


def test_an_archive_without_code_is_named(tmp_path: Path) -> None:
    code, error = last_words("serve", SAGEMAKER_BIND_TO_PORT="0", SM_MODEL_DIR=str(tmp_path))

    assert code == 1
    assert "the model archive has no code/inference.py" in error


@pytest.mark.parametrize(
    ("arguments", "port", "sentence"),
    [
        (["train"], "0", "the only command is: serve"),
        ([], "0", "the only command is: serve"),
        (["serve"], "http", "SAGEMAKER_BIND_TO_PORT is 'http', and must be a whole number"),
    ],
)
def test_a_wrong_start_is_one_clear_sentence(
    arguments: list[str], port: str, sentence: str
) -> None:
    code, error = last_words(*arguments, SAGEMAKER_BIND_TO_PORT=port)

    assert code == 1
    assert error.startswith(f"model container: {sentence}")
    assert error.count("\n") == 1


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, error = last_words("serve", SAGEMAKER_BIND_TO_PORT=port, SM_MODEL_DIR=str(tmp_path))

    assert code == 1
    assert error.startswith(f"model container: port {port} cannot be listened on")


def test_the_flight_models_libraries_are_not_what_starts_the_container() -> None:
    """The program itself must stay quick to start; only a model may import what is slow."""
    heavy = "{'numpy', 'sklearn', 'pandas', 'boto3', 'psycopg'}"
    code = (
        "import sys; from local.models.container import __main__;"
        f" sys.exit(bool({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
