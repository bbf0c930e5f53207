"""Errors of a database that refuses a query, or fails: its words without the values it quotes."""

from __future__ import annotations

import re

from batch_transform.scoring.errors import SourceError, Unreachable

_QUOTED = re.compile("""(["']).*\\1""", re.DOTALL)


def refused(words: str, *, of_values: bool) -> SourceError:
    """Say that a database refuses a query; ``of_values`` where its words may quote some."""
    words = words.strip()
    if of_values:
        words = _QUOTED.sub('"…"', words.partition("\n")[0])
    return SourceError(f"The database refuses the query: {words}")


def failed(words: str) -> Unreachable:
    """Say that a database failed for a reason that may pass by itself."""
    return Unreachable(f"The source's database failed: {words.strip()}")
