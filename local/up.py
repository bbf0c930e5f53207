"""Keeps the stack running, with the Airflow UI, until the person ends it."""

from __future__ import annotations

import time
from typing import NoReturn

from local.airflow import USER, choose_port
from local.stack import Say, StackSettings, running_stack

_LOOK_SECONDS = 1.0


def keep_up(port: int | None, say: Say) -> NoReturn:
    """Run the stack until Interrupted.

    Raises:
        LocalError: a part did not start, or ended by itself.
    """
    settings = StackSettings(name="up", port=choose_port(port), fresh=False, variables={})
    with running_stack(settings, say) as stack:
        say("Ready")
        airflow = stack.airflow
        print(
            f"\n  Airflow    {airflow.settings.url}   user {USER}, password {airflow.password}"
            f"\n  AWS        {stack.aws_url}"
            f"\n  Warehouse  psql '{stack.postgres.dsn('warehouse')}'"
            f"\n  Logs       {stack.processes.logs}"
            "\n\nCtrl-C stops it all.\n",
            flush=True,
        )
        while True:
            for restarted in stack.processes.restart_ended():
                say(f"{restarted.command.name} ended and was started again: {restarted.log}")
            time.sleep(_LOOK_SECONDS)
