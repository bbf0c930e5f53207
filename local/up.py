"""Keeps the stack running, with the Airflow UI, until the person ends it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from typing import NoReturn

from local.airflow import USER, choose_port, command_line
from local.errors import LocalError
from local.stack import STATE, Say, Stack, StackSettings, is_running, running_stack

_NAME = "up"
_LOOK_SECONDS = 1.0


def keep_up(port: int | None, say: Say) -> NoReturn:
    """Run the stack until Interrupted.

    Raises:
        LocalError: a part did not start, or ended by itself.
    """
    settings = StackSettings(name=_NAME, port=choose_port(port), fresh=False, variables={})
    with running_stack(settings, say) as stack:
        say("Ready")
        announce(stack)
        while True:
            for restarted in stack.processes.restart_ended():
                say(f"{restarted.command.name} ended and was started again: {restarted.log}")
            time.sleep(_LOOK_SECONDS)


def announce(stack: Stack) -> None:
    """Print where everything is, and how to get in."""
    airflow = stack.airflow
    print(
        f"\n  Airflow    {airflow.settings.url}   user {USER}, password {airflow.password}"
        f"\n  AWS        {stack.aws_url}"
        f"\n  Warehouse  psql '{stack.postgres.dsn('warehouse')}'"
        f"\n  Logs       {stack.processes.logs}"
        '\n  CLI        make airflow ARGS="dags list"'
        "\n\nCtrl-C stops it all.\n",
        flush=True,
    )


def run_airflow(words: Sequence[str]) -> int:
    """Run an ``airflow`` command in the environment of the stack that is up.

    Raises:
        LocalError: none is.
    """
    if not is_running(_NAME, STATE):
        raise LocalError("No stack is up in this folder: start one with make up, in another window")
    argv, env = command_line(STATE / _NAME / "airflow", words)
    return subprocess.run(argv, env=env, check=False).returncode
