"""Model containers with one habit each: `python -m tests.contract.aws.programs HABIT`."""

# ruff: noqa: T201 - a program; what it prints is what it is for

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Echo(BaseHTTPRequestHandler):
    """Answers with what it is sent."""

    protocol_version = "HTTP/1.1"
    flying = 0
    most_flying = 0
    lock = threading.Lock()

    def do_GET(self):
        self.send(200 if self.path == "/ping" else 404, b"")

    def do_POST(self):
        self.send(200, self.answer(self.body()))

    def answer(self, body):
        return body

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Environment(Echo):
    """Answers with its environment, folder and model files."""

    def answer(self, body):
        model = Path(os.environ["SM_MODEL_DIR"])
        files = {path.name: path.read_text() for path in model.rglob("*") if path.is_file()}
        return json.dumps({"env": dict(os.environ), "model": files, "cwd": os.getcwd()}).encode()


class Parameters(Echo):
    """Has `/execution-parameters`."""

    def do_GET(self):
        if self.path == "/execution-parameters":
            wanted = {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD"}
            self.send(200, json.dumps({**wanted, "MaxPayloadInMB": 2}).encode())
        else:
            self.send(200, b"")


class Unwell(Echo):
    """`/ping` says 503."""

    def do_GET(self):
        self.send(503, b"not yet")


class Dying(Echo):
    """Ends in the middle of a request that says so."""

    def answer(self, body):
        if b"die" in body:
            os._exit(3)
        return body


class Upper(Echo):
    """Answers in upper case, and says it is another type."""

    def answer(self, body):
        return body.upper()


class Requests(Echo):
    """Answers with the request as it saw it."""

    def answer(self, body):
        seen = {"headers": dict(self.headers), "body": body.decode(), "path": self.path}
        return json.dumps(seen).encode()


class Slow(Echo):
    """Takes a tenth of a second, and answers with how many requests were in flight."""

    def answer(self, body):
        with Echo.lock:
            Echo.flying += 1
            Echo.most_flying = max(Echo.most_flying, Echo.flying)
        time.sleep(0.1)
        with Echo.lock:
            Echo.flying -= 1
            return b"%d" % Echo.most_flying


class Count(Echo):
    """Answers each line with a short one."""

    def answer(self, body):
        return b"1\n" * body.count(b"\n")


class Hanging(Echo):
    """Never answers a request."""

    def answer(self, body):
        threading.Event().wait()


def serve(handler):
    print("serving", flush=True)
    address = ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    server = ThreadingHTTPServer(address, handler)
    server.daemon_threads = True
    server.serve_forever()


def flood():
    line = b"x" * 200 + b"\n"
    while True:
        os.write(1, line * 100)


def silent():
    threading.Event().wait()


def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(Echo)


class Parent(Echo):
    """Starts a process in a session of its own, and answers with its number."""

    def answer(self, body):
        command = [sys.executable, "-c", "import threading; threading.Event().wait()"]
        return b"%d" % subprocess.Popen(command, start_new_session=True).pid


HABITS = {
    "parent": lambda: serve(Parent),
    "echo": lambda: serve(Echo),
    "environment": lambda: serve(Environment),
    "parameters": lambda: serve(Parameters),
    "unwell": lambda: serve(Unwell),
    "dying": lambda: serve(Dying),
    "upper": lambda: serve(Upper),
    "requests": lambda: serve(Requests),
    "slow": lambda: serve(Slow),
    "hanging": lambda: serve(Hanging),
    "count": lambda: serve(Count),
    "flooding": flood,
    "silent": silent,
    "stubborn": stubborn,
}

if __name__ == "__main__":
    HABITS[sys.argv[1]]()
