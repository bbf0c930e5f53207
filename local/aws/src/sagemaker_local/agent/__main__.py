"""Entry of an agent: reads its plan from standard input, writes messages to standard output.

Standard input stays open while the service lives; its end, like SIGTERM, ends the agent and its
containers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import NoReturn

from sagemaker_local.agent.errors import INTERNAL
from sagemaker_local.agent.instance import Instance
from sagemaker_local.agent.plan import Plan
from sagemaker_local.agent.reporter import Reporter


def main() -> int:
    """Run the plan on standard input."""
    plan = Plan.from_json(json.loads(sys.stdin.readline()))
    reporter = Reporter(os.fdopen(os.dup(sys.stdout.fileno()), "w"))
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_the_service, daemon=True).start()
    instance = Instance(plan, reporter)
    try:
        reason = instance.run()
    except Exception as error:
        reporter.data_log(f"{type(error).__name__}: {error}")
        reason = f"{INTERNAL}: We encountered an internal error.  Please try again."
    reporter.send("done", reason=reason)
    return 0


def _leave(_signal: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not disturb the leaving
    raise SystemExit(0)


def _leave_with_the_service() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # Worker threads may still wait for a container that is gone: do not wait for them.
    try:
        code = main()
    except SystemExit:
        code = 0
    sys.stdout.flush()
    os._exit(code)
