"""A model container that fails as its environment orders.

``HABIT`` says how it meets a record whose last field is ``bad``; each request's record count is
added to the file ``COUNTS``.
"""

import os
import threading
from pathlib import Path

from sagemaker_local.container import ModelHandler, serve

HABIT = os.environ["HABIT"]
COUNTS = Path(os.environ["COUNTS"])
ANSWER = b"0.25\n"


class Model(ModelHandler):
    """Answers 0.25 for a record, and as it is ordered for a bad one."""

    def do_POST(self):  # noqa: N802  # named by http.server
        lines = self.body().splitlines()
        with COUNTS.open("a") as counts:
            counts.write(f"{len(lines)}\n")
        bad = [line for line in lines if line.endswith(b"bad")]
        self.send(*HABITS[HABIT](lines, bad))


def refuse(lines, bad):
    if bad:
        return 400, b"no apple like this: " + bad[0]
    return 200, ANSWER * len(lines)


def die(lines, bad):
    if bad:
        os._exit(3)
    return 200, ANSWER * len(lines)


def hang(lines, bad):
    if bad:
        threading.Event().wait()
    return 200, ANSWER * len(lines)


def one_line(lines, bad):
    return 200, ANSWER


def short(lines, bad):
    return 200, ANSWER * max(1, len(lines) - 1)


def flaky(lines, bad):
    """Fails the first requests of all containers together."""
    if len(COUNTS.read_text().splitlines()) <= 3:
        return 503, b"warming up"
    return 200, ANSWER * len(lines)


HABITS = {
    "refuse": refuse,
    "die": die,
    "hang": hang,
    "one line": one_line,
    "short": short,
    "flaky": flaky,
}

if __name__ == "__main__":
    serve(Model)
