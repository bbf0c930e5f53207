"""What a command leaves behind: a text or JSON, and an exit code; of an error no traceback."""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import typer

from batch_transform.scoring.errors import (
    ConfigurationError,
    DataError,
    JobError,
    PartitionError,
    ScoringError,
    Transient,
)

OURS = 1  # an error that nobody has thought of
INTERRUPTED = 130  # as a shell has it for SIGINT

# Kind of error, exit code, and what the code says; the first that fits.
EXITS: tuple[tuple[type[ScoringError], int, str], ...] = (
    (ConfigurationError, 3, "a file, a setting or a permission must be changed"),
    (PartitionError, 4, "the day, or the data, are not what was promised"),
    (DataError, 4, "the day, or the data, are not what was promised"),
    (JobError, 5, "a transform job did not do what was asked of it"),
    (Transient, 6, "cured by waiting: the same command may work later"),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command has to say.

    Attributes:
        text: for people.
        content: the same for programs, in JSON values.
        code: exit code.
    """

    text: str
    content: Mapping[str, Any]
    code: int = 0


def finish(make: Callable[[], Outcome], *, as_json: bool) -> None:
    """Do a command's work, print what it leaves, and end the process with its exit code.

    Errors go to the standard error; as JSON they take the place of what would have been printed.
    """
    outcome = _attempted(make)
    text = json.dumps(outcome.content, indent=2, ensure_ascii=False) if as_json else outcome.text
    print(text, file=sys.stdout if as_json or "error" not in outcome.content else sys.stderr)
    if outcome.code:
        raise typer.Exit(outcome.code)


def _attempted(make: Callable[[], Outcome]) -> Outcome:
    try:
        return make()
    except ScoringError as error:
        code = next((code for kind, code, _ in EXITS if isinstance(error, kind)), OURS)
        return _failure(type(error).__name__, str(error), code, error.page)
    except KeyboardInterrupt:
        return _failure("Interrupted", "Ended by Ctrl-C, before it was done.", INTERRUPTED)
    except Exception as error:
        return _failure(type(error).__name__, _unexpected(error), OURS)


def _failure(kind: str, message: str, code: int, page: str = "") -> Outcome:
    error = {"kind": kind, "message": message, "exit_code": code}
    content = {"error": {**error, "page": page} if page else error}
    more = f"\nmore: {page}" if page else ""
    return Outcome(text=f"error: {message}{more}", content=content, code=code)


def _unexpected(error: Exception) -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="batch-transform-", suffix=".log", delete=False
    ) as log:
        traceback.print_exception(error, file=log)
    return (
        f"{type(error).__name__}: {' '.join(str(error).split())}. Nobody has foreseen this: where"
        f" it happened is in {log.name}; report it if it is a mistake of this package"
    )
