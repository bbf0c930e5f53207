"""The model of all pipelines, whose container may do its work badly for a while."""

import time
from collections import deque

from sagemaker_local.container import ModelHandler

_HANGING_SECONDS = 3.0  # longer than a job waits for an answer
_moods = deque()


def misbehave(mood, times):
    """Let the container ``hang`` at its next requests, or answer the ``half`` of each."""
    _moods.extend([mood] * times)


class Model(ModelHandler):
    """Answers a quarter of each weight, and refuses a request with a negative one."""

    def do_POST(self):  # noqa: N802  # the library's name
        lines, mood = self.body().splitlines(), _moods.popleft() if _moods else ""
        if mood == "hang":
            time.sleep(_HANGING_SECONDS)
            self.close_connection = True
            return
        is_bad = any(b"-" in line for line in lines)
        answers = [] if is_bad else [b"%r\n" % (float(line) / 4) for line in lines]
        if mood == "half":
            answers = answers[: len(answers) // 2]
        self.send(400 if is_bad else 200, b"bad weight" if is_bad else b"".join(answers))
