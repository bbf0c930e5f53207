"""A model container that answers what a vector says, and remembers what it was sent."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def without_final_newline(text: str) -> str:
    return text.removesuffix("\n")


class Exchanges:
    """The exchanges of one vector; thread-safe."""

    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        self._lock = threading.Lock()
        self._expected = {without_final_newline(each["body"]): each for each in exchanges}
        self._seen: dict[str, int] = {}
        self.unlisted: list[str] = []

    def reply(self, body: str) -> tuple[int, str]:
        body = without_final_newline(body)
        with self._lock:
            exchange = self._expected.get(body)
            if exchange is None:
                self.unlisted.append(body)
                return 500, "not in the vector"
            count = self._seen.get(body, 0)
            self._seen[body] = count + 1
        if "sequence" in exchange:
            sequence = exchange["sequence"]
            status, text = sequence[min(count, len(sequence) - 1)]
            return status, text
        return exchange["status"], exchange["reply"]

    def problems(self) -> list[str]:
        problems = [f"container was sent {body[:80]!r}" for body in self.unlisted]
        for body, exchange in self._expected.items():
            count = self._seen.get(body, 0)
            if exchange.get("times") is not None and count != exchange["times"]:
                problems.append(f"container was sent {body[:80]!r} {count} times")
        return problems


class CaseContainer:
    """Serves one vector's exchanges; a context manager."""

    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        self.exchanges = Exchanges(exchanges)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> CaseContainer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        exchanges = self.exchanges

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(200 if self.path == "/ping" else 404, "")

            def do_POST(self) -> None:
                self._send(*exchanges.reply(self._body().decode()))

            def _body(self) -> bytes:
                if "Content-Length" in self.headers:
                    return self.rfile.read(int(self.headers["Content-Length"]))
                pieces = []
                while size := int(self.rfile.readline(), 16):
                    pieces.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(pieces)

            def _send(self, status: int, text: str) -> None:
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
