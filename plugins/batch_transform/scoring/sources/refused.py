"""Words of a database that refuses a query, without the values that it quotes."""

from __future__ import annotations

import re

from batch_transform.scoring.errors import SourceError

_QUOTED = re.compile("""(["']).*\\1""", re.DOTALL)


def refused(words: str, *, of_values: bool) -> SourceError:
    """Say that a database refuses a query; ``of_values`` where its words may quote some."""
    words = words.strip()
    if of_values:
        words = _QUOTED.sub('"…"', words.partition("\n")[0])
    return SourceError(f"The database refuses the query: {words}")
