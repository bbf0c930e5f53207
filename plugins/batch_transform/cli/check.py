"""``batch-transform check``: all that can be known of pipelines before a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from batch_transform.cli.command import Flags
from batch_transform.cli.options import DEFAULT_ROOT, Root
from batch_transform.cli.result import Outcome
from batch_transform.scoring.errors import ConfigurationError, PipelineInvalid
from batch_transform.scoring.pipelines import FILE_NAME, read_all

INVALID = 3
_LINE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): (?P<setting>[^:]+): (?P<what>.*)")


@dataclass(frozen=True, kw_only=True)
class CheckFlags(Flags):
    """What is checked.

    The fields are what ``--help`` says of them.
    """

    what: Annotated[
        Path | None,
        typer.Argument(help="A pipeline, or a folder of pipelines; all pipelines by default."),
    ] = None
    root: Root = DEFAULT_ROOT


def check(flags: CheckFlags) -> Outcome:
    """Check every pipeline, or the one that is named, without a network.

    The exit code is 3 where one is invalid, and where there is none.
    """
    root, only = _asked(flags)
    found = {_name(each): each for each in read_all(root) if only in (None, _name(each))}
    if not found:
        raise ConfigurationError(
            f"{root} has no pipeline: each is a folder in it, with a {FILE_NAME}. Name the folder"
            " of the pipelines, or write one with batch-transform new"
        )
    invalid = {name: each for name, each in found.items() if isinstance(each, PipelineInvalid)}
    listed = [
        {"name": name, "valid": name not in invalid, "problems": _problems(invalid.get(name))}
        for name in found
    ]
    return Outcome(
        text="\n".join(_shown(root, list(found), invalid)),
        content={"folder": str(root), "valid": not invalid, "pipelines": listed},
        code=INVALID if invalid else 0,
    )


def _asked(flags: CheckFlags) -> tuple[Path, str | None]:
    """Return the folder of the pipelines, and the one of them that is asked for, if one is."""
    if flags.what is None:
        return flags.root, None
    for folder in (flags.root / flags.what, flags.what):
        if (folder / FILE_NAME).is_file():
            folder = folder if folder.name else folder.resolve()
            return folder.parent, folder.name
    return flags.what, None


def _name(read: Any) -> str:
    return str(read.pipeline) if isinstance(read, PipelineInvalid) else str(read.name)


def _problems(invalid: PipelineInvalid | None) -> list[dict[str, Any]]:
    return [_parts(problem) for problem in invalid.problems] if invalid else []


def _parts(problem: str) -> dict[str, Any]:
    match = _LINE.fullmatch(problem)
    if match is None:
        return {"what": problem}
    return {**match.groupdict(), "line": int(match["line"])}


def _shown(root: Path, names: list[str], invalid: dict[str, PipelineInvalid]) -> Iterator[str]:
    for name in names:
        if name not in invalid:
            yield f"{name}: valid"
            continue
        yield f"{name}: INVALID"
        yield from (f"  {root / name}/{problem}" for problem in invalid[name].problems)
    wrong = f"; {len(invalid)} invalid" if invalid else ", all valid"
    yield f"{len(names)} pipeline{'' if len(names) == 1 else 's'}{wrong}"
