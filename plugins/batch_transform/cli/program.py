"""The command line: its commands, one module each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from batch_transform.cli.capacity import capacity
from batch_transform.cli.check import check
from batch_transform.cli.command import command
from batch_transform.cli.from_notebook import from_notebook
from batch_transform.cli.iam import iam
from batch_transform.cli.new import new
from batch_transform.cli.plan import plan
from batch_transform.cli.report import report
from batch_transform.cli.result import Outcome
from batch_transform.cli.run import run
from batch_transform.cli.schema import schema
from batch_transform.cli.tune import tune

# In the order of ``--help``. A command's name is its function's.
COMMANDS: tuple[Callable[[Any], Outcome], ...] = (
    new,
    from_notebook,
    check,
    plan,
    run,
    report,
    tune,
    capacity,
    iam,
    schema,
)


def command_line() -> typer.Typer:
    """Make the command line of all commands."""
    app = typer.Typer(
        name="batch-transform",
        help="Batch inference with SageMaker Batch Transform: pipelines from a shell.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for work in COMMANDS:
        app.command()(command(work))
    return app


def main() -> None:
    """Run the command line of this process."""
    command_line()(prog_name="batch-transform")
