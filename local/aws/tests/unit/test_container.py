"""One container of an instance, without a service."""

import io
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from sagemaker_lab.samples import DEFAULTS
from sagemaker_local.agent.container import Container
from sagemaker_local.agent.plan import ContainerSpec
from sagemaker_local.agent.reporter import Reporter


def test_a_long_line_of_a_log_counts_as_several(tmp_path):
    out = io.StringIO()
    program = "for _ in range(100): print('x' * 60000)"
    spec = ContainerSpec(name="", command=(sys.executable, "-c", program))
    container = Container(spec, tmp_path, Reporter(out), DEFAULTS)
    container.start(storage=None)
    container.end(time.monotonic() + 30)
    lines = [line for text in out.getvalue().splitlines() for line in json.loads(text)["lines"]]
    assert 1 < sum(map(len, lines)) < 256 * DEFAULTS["container_log_kept_lines"] + 200_000


def test_a_line_of_the_data_log_is_no_longer_than_an_event_of_cloudwatch():
    out = io.StringIO()
    Reporter(out).data_log("x" * 300_000)
    (line,) = json.loads(out.getvalue())["lines"]
    assert len(line) == 262_144


def test_execution_parameters_that_are_nested_too_deeply(tmp_path):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[" * 100_000)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        spec = ContainerSpec(name="", url=f"http://127.0.0.1:{server.server_port}")
        container = Container(spec, tmp_path, Reporter(io.StringIO()), DEFAULTS)
        assert container.parameters() == {}
        thread.join()
