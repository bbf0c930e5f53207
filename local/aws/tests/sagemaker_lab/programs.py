"""Model containers with one habit each: `python programs.py HABIT`."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from sagemaker_local.container import ModelHandler, serve

CONTAINERS = Path(__file__).with_name("containers.yaml")


class Environment(ModelHandler):
    """Answers with its environment, folder and model files."""

    def answer(self, body):
        model = Path(os.environ["SM_MODEL_DIR"])
        files = {path.name: path.read_text() for path in model.rglob("*") if path.is_file()}
        return json.dumps({"env": dict(os.environ), "model": files, "cwd": os.getcwd()}).encode()


class Parameters(ModelHandler):
    """Has `/execution-parameters`."""

    def do_GET(self):  # noqa: N802 - named by http.server
        if self.path == "/execution-parameters":
            limits = {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD"}
            self.send(200, json.dumps({**limits, "MaxPayloadInMB": 2}).encode())
        else:
            self.send(200, b"")


class Unwell(ModelHandler):
    """`/ping` says 503."""

    def do_GET(self):  # noqa: N802 - named by http.server
        self.send(503, b"not yet")


class Dying(ModelHandler):
    """Ends in the middle of a request that says so."""

    def answer(self, body):
        if b"die" in body:
            os._exit(3)
        return body


class Upper(ModelHandler):
    """Answers in upper case, and says it is another type."""

    def answer(self, body):
        return body.upper()


class Requests(ModelHandler):
    """Answers with the request as it saw it."""

    def answer(self, body):
        seen = {"headers": dict(self.headers), "body": body.decode(), "path": self.path}
        return json.dumps(seen).encode()


class Slow(ModelHandler):
    """Takes a tenth of a second, and answers with how many requests were in flight."""

    lock = threading.Lock()
    flying = 0
    most_flying = 0

    def answer(self, body):
        with Slow.lock:
            Slow.flying += 1
            Slow.most_flying = max(Slow.most_flying, Slow.flying)
        time.sleep(0.1)
        with Slow.lock:
            Slow.flying -= 1
            return b"%d" % Slow.most_flying


class Count(ModelHandler):
    """Answers each line with a short one."""

    def answer(self, body):
        return b"1\n" * body.count(b"\n")


class Hanging(ModelHandler):
    """Says that there is a request, and never answers it."""

    def answer(self, body):
        print("asked", flush=True)
        threading.Event().wait()


def announced(handler):
    print("serving", flush=True)
    serve(handler)


def flood():
    line = b"x" * 200 + b"\n"
    while True:
        os.write(1, line * 100)


def silent():
    threading.Event().wait()


def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    announced(ModelHandler)


class Parent(ModelHandler):
    """Starts a process in a session of its own, and answers with its number."""

    def answer(self, body):
        command = [sys.executable, "-c", "import threading; threading.Event().wait()"]
        return b"%d" % subprocess.Popen(command, start_new_session=True).pid


HABITS = {
    "parent": lambda: announced(Parent),
    "echo": lambda: announced(ModelHandler),
    "environment": lambda: announced(Environment),
    "parameters": lambda: announced(Parameters),
    "unwell": lambda: announced(Unwell),
    "dying": lambda: announced(Dying),
    "upper": lambda: announced(Upper),
    "requests": lambda: announced(Requests),
    "slow": lambda: announced(Slow),
    "hanging": lambda: announced(Hanging),
    "count": lambda: announced(Count),
    "flooding": flood,
    "silent": silent,
    "stubborn": stubborn,
}

if __name__ == "__main__":
    HABITS[sys.argv[1]]()
