"""Stands between attempts and AWS: counts calls, and lets them go wrong."""

import http.client
import json
import re
import signal
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.chaos.traps import ASKED, JUMPS, MARKED, UNSEEN

_SLOW_SECONDS = 1.0
_HUNG_SECONDS = 3.0  # longer than attempts wait for an answer
_PER_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}
_JSON = [("Content-Type", "application/x-amz-json-1.1")]
_XML = [("Content-Type", "text/xml")]
_SIGNALS = {ASKED: signal.SIGTERM, **JUMPS}
# What is answered in the place of AWS: by S3, and by the services that speak JSON.
_ANSWERED = {
    "throttled": (
        (503, _XML, b"<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"),
        (400, _JSON, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'),
    ),
    "refused": (
        (500, _XML, b"<Error><Code>InternalError</Code><Message>We failed</Message></Error>"),
        (500, _JSON, b'{"__type": "InternalFailure", "message": "We failed"}'),
    ),
    UNSEEN: (
        (404, _XML, b"<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>"),
        (400, _JSON, b'{"__type": "ValidationException", "message": "Could not find that job"}'),
    ),
}


class AwsFront:
    """Where attempts believe AWS to be.

    Attributes:
        url: the endpoint.
        created: names of the transform jobs that were created, in order: what is paid for.
    """

    def __init__(self, upstream, trap, created):
        self.trap, self.created = trap, created
        self.upstream = urlsplit(upstream).netloc
        handler = type("Handler", (_Handler,), {"front": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # who was killed has hung up
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def listening(self):
        """Serve meanwhile."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front = None

    def handle_one_request(self):
        """Serve whatever method there is."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._serve(self._body())
            with suppress(OSError):
                self.wfile.flush()

    def log_message(self, *_):
        """Log nothing."""

    def _serve(self, body):
        label = self._label()
        fault = self.front.trap.at("aws", label)
        if self._ends_before(fault):
            return
        status, headers, answer = self._forward(body)
        if label == "CreateTransformJob" and status == 200:
            self.front.created.append(json.loads(body)["TransformJobName"])
        self._end(fault, status, headers, answer)

    def _ends_before(self, fault):
        """Let a fault strike before AWS learns of a call; tell whether AWS never does."""
        trap = self.front.trap
        if fault in ("killed before", "reset"):
            self._hang_up(trap.kill if fault == "killed before" else None)
        elif fault in _ANSWERED:
            self._answer(*_ANSWERED[fault]["X-Amz-Target" in self.headers])
        elif fault == "hung":
            time.sleep(_HUNG_SECONDS)
            self._hang_up()
        else:
            self._disturb(fault)
            return False
        return True

    def _disturb(self, fault):
        if fault in _SIGNALS:
            self.front.trap.kill(_SIGNALS[fault])
        elif fault == "frozen before":
            self.front.trap.freeze()
        elif fault == "slow":
            time.sleep(_SLOW_SECONDS)

    def _end(self, fault, status, headers, answer):
        """Answer, as well as a fault allows."""
        trap = self.front.trap
        if fault in ("killed within", MARKED, "answer lost"):
            self._hang_up(None if fault == "answer lost" else trap.kill)
            return
        if fault == "frozen within":
            trap.freeze()
        self._answer(status, headers, answer, cut=fault == "body cut")
        if fault == "frozen after":
            trap.freeze()
        elif fault == "killed after":
            self._hang_up(trap.kill)

    def _label(self):
        target = self.headers.get("X-Amz-Target", "")
        if target:
            return target.rpartition(".")[2]
        path = urlsplit(self.path)
        name = path.path.rpartition("/")[2]
        kind = re.sub(r"\d+", "N", re.sub(r"[0-9a-f-]{30,}", "ID", name))
        listing = next((word for word in ("list-type", "uploads") if word in path.query), "")
        return f"{self.command} {listing or kind or '/'}"

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _forward(self, body):
        connection = http.client.HTTPConnection(self.front.upstream, timeout=60)
        skipped = {*_PER_HOP, "expect"}
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in skipped
        }
        try:
            connection.request(self.command, self.path, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            kept = [(n, v) for n, v in response.getheaders() if n.lower() not in _PER_HOP]
            if self.command == "HEAD":
                kept.append(("Content-Length", response.getheader("Content-Length") or "0"))
            return response.status, kept, response.read()
        finally:
            connection.close()

    def _answer(self, status, headers, body, *, cut=False):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.wfile.flush()
        if cut:
            self._hang_up()

    def _hang_up(self, first=None):
        """Reset the connection, so that the other side learns of no orderly end."""
        if first is not None:
            first()
        self.close_connection = True
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
