"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_ROOT = Path("include/pipelines")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
PipelineName = Annotated[str, typer.Argument(help="Name of a pipeline, or its folder.")]
PartitionDay = Annotated[str, typer.Argument(help="The day: YYYY-MM-DD.", metavar="PARTITION")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(help="Another parameter of the run, such as cost_cap=1.5; may be repeated."),
]
Root = Annotated[
    Path,
    typer.Option(
        "--pipelines", envvar="BATCH_TRANSFORM_PIPELINES", help="The folder of the pipelines."
    ),
]
