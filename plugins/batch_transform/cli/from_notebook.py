"""``batch-transform from-notebook``: a pipeline folder of a job that is started elsewhere."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from batch_transform.cli.command import Flags
from batch_transform.cli.options import DEFAULT_ROOT, Root
from batch_transform.cli.result import Outcome
from batch_transform.cli.writing import write_draft
from batch_transform.scoring.drafts.elsewhere import of_job
from batch_transform.scoring.drafts.jobs import FoundJob, found_jobs
from batch_transform.scoring.drafts.wanted import about
from batch_transform.scoring.errors import ConfigurationError

_SUFFIXES = (".py", ".ipynb", ".json")


@dataclass(frozen=True, kw_only=True)
class FromNotebookFlags(Flags):
    """Which job becomes a pipeline.

    Attributes:
        file: that starts it.
        name: of the pipeline.
        line: where the job is started, in a file that starts several.
        root: the folder of the pipelines.
    """

    file: Annotated[Path, typer.Argument(help="A notebook, a Python or DAG file, or a JSON.")]
    name: Annotated[str | None, typer.Option(help="Of the pipeline; the file's by default.")] = None
    line: Annotated[int | None, typer.Option(help="Line of the job, where there are several.")] = (
        None
    )
    root: Root = DEFAULT_ROOT


def from_notebook(flags: FromNotebookFlags) -> Outcome:
    """Write a pipeline folder that does what a transform job of a file does.

    The file is read and not run. It may have a Transformer of the SageMaker SDK, a call of boto3's
    create_transform_job, or a SageMakerTransformOperator; a JSON file is one's config.
    """
    job = _chosen(flags.file, found_jobs(_text(flags.file), flags.file.suffix), flags.line)
    name = flags.name or _name(flags.file)
    description = f"Scores as {job.by} in {flags.file.name} does"
    schedule = {"at": "02:00", "timezone": "UTC"}
    yesterday = date.today() - timedelta(days=1)
    told = about(description, getpass.getuser(), schedule, yesterday)
    return write_draft(of_job(name, job, told), name, flags.root)


def _text(file: Path) -> str:
    if file.suffix not in _SUFFIXES:
        raise ConfigurationError(f"{file} is none of {', '.join(_SUFFIXES)}; name one that is")
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}); name another") from error


def _chosen(file: Path, jobs: Sequence[FoundJob], line: int | None) -> FoundJob:
    listed = ", ".join(f"line {job.line} ({job.by})" for job in jobs)
    if not jobs:
        raise ConfigurationError(
            f"{file} starts no transform job that can be seen without running it: it has no"
            " Transformer, create_transform_job or SageMakerTransformOperator"
        )
    chosen = [job for job in jobs if line is None or job.line == line]
    if len(chosen) != 1:
        raise ConfigurationError(f"{file} starts {listed}; choose one with --line")
    return chosen[0]


def _name(file: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_")[:40]
