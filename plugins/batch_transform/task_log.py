"""What a person reads in the log of a task: lines that fit Airflow's window, and no noise.

Tasks log through structlog, whose processors see each event on its way: these go in with them, in
the process of the task. Airflow's window does not wrap lines, and at 1,400 pixels shows about 100
characters beside the time; and of an error it shows the traceback, twice.
https://www.structlog.org/en/stable/processors.html
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import structlog
from structlog.processors import StackInfoRenderer
from structlog.typing import EventDict

from batch_transform.scoring.errors import ScoringError

WIDTH = 96
_OURS = "batch_transform"
TOLD = "The task failed; the lines above say why, and what to do"
_NOISE = "credentials retrieved from"  # the provider's, for each client of a connection


def tidy() -> None:
    """Tidy the log of this process; to do so again changes nothing."""
    processors = structlog.get_config()["processors"]
    if _tidied in processors:
        return
    for place, processor in enumerate(processors):
        if isinstance(processor, StackInfoRenderer):  # before it texts are made, after it written
            processors.insert(place, _tidied)
            return


def lines_of(text: str) -> Iterator[str]:
    """Wrap a text; what goes on is indented like its first line, and a word is never cut."""
    for line in text.splitlines() or [""]:
        indent = line[: len(line) - len(line.lstrip())]
        yield from textwrap.wrap(
            line,
            WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [""]


def _tidied(_: Any, level: str, event: EventDict) -> EventDict:
    if event.get("exc_info") and _is_told(sys.exception()):
        del event["exc_info"]
        event["event"] = TOLD
        return event
    text = str(event["event"])
    if _NOISE in text:
        raise structlog.DropEvent
    logger, lines = event.get("logger", ""), list(lines_of(text))
    if _OURS not in logger or lines == [text]:
        return event
    for line in lines:  # each with a time of its own, by which Airflow sorts
        getattr(structlog.get_logger(logger), level)(line)
    raise structlog.DropEvent


def _is_told(error: BaseException | None) -> bool:
    """Tell whether an error is one of ours, whose text has been logged."""
    return isinstance(error, ScoringError) or isinstance(
        getattr(error, "__cause__", None), ScoringError
    )
