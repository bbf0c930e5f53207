"""``python -m local demo``, ``demo-redshift``, ``demo-iceberg``, ``up``, and ``airflow``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import Interrupted, LocalError
from local.interrupts import ignore_interrupts, interruptible
from local.processes import end_children

if TYPE_CHECKING:
    from local.day_demo import DayDemo

_INTERRUPTED = 130
_TRACEBACK = Path(__file__).parents[1] / ".state" / "last-error.txt"


def main() -> int:
    """Run a command; end with one clear sentence where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="score four days, show the result, stop")
    commands.add_parser("demo-redshift", help="score a day from Redshift to Redshift, stop")
    commands.add_parser("demo-iceberg", help="score a day into an Iceberg table, stop")
    up = commands.add_parser("up", help="keep the stack running until Ctrl-C")
    up.add_argument("--port", type=int, help="port of the Airflow UI; a free one by default")
    cli = commands.add_parser("airflow", help="run an airflow command on the stack of `up`")
    cli.add_argument("words", nargs=argparse.REMAINDER, help="what follows `airflow`")
    arguments = parser.parse_args()
    try:
        with interruptible():
            try:
                return _run(arguments)
            finally:
                ignore_interrupts()
                end_children()
    except Interrupted:
        print("Interrupted; everything that was started is stopped.", file=sys.stderr)
        return 0 if arguments.command == "up" else _INTERRUPTED
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except Exception as error:
        print(f"\n{_unforeseen(error)}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    started = time.monotonic()

    def say(text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - started), 60)
        print(f"[{minutes}:{seconds:02}] {text}", flush=True)

    # The heavy imports wait until Ctrl-C is handled.
    if arguments.command == "up":
        from local.up import keep_up

        keep_up(arguments.port, say)
    if arguments.command == "airflow":
        from local.up import run_airflow

        return run_airflow(arguments.words)
    if arguments.command in _DAYS:
        from local.day_demo import run_day

        page, demo = _DAYS[arguments.command]()
        agree = run_day(demo, say)
        say(f"Done. {page} says what ran")
        return 0 if agree else 1
    from local.demo import run_demo

    agree = run_demo(say)
    say("Done. Next: make up, then open Airflow, and trigger flight_delay for 2013-06-05")
    return 0 if agree else 1


def _redshift() -> tuple[str, DayDemo]:
    from local.redshift_demo import REDSHIFT

    return "docs/redshift.md", REDSHIFT


def _iceberg() -> tuple[str, DayDemo]:
    from local.iceberg_demo import ICEBERG

    return "docs/iceberg.md", ICEBERG


_DAYS = {"demo-redshift": _redshift, "demo-iceberg": _iceberg}


def _unforeseen(error: Exception) -> str:
    """Keep the traceback of an unexpected error, and say where; a full disk may not take it."""
    what = f"{type(error).__name__}: {' '.join(str(error).split())}"
    try:
        _TRACEBACK.parent.mkdir(exist_ok=True)
        _TRACEBACK.write_text(traceback.format_exc())
    except OSError:
        return what
    return f"{what}\nWhere it happened: {_TRACEBACK}\nLogs of the stack: {_TRACEBACK.parent}/*/logs"


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
