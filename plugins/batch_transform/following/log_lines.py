"""What a job has logged since the last look, where each look gives the last lines alone."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from hashlib import sha256


def marks(lines: Sequence[str]) -> list[str]:
    """Return what is enough to know lines again by, however long they are."""
    return [sha256(line.encode()).hexdigest()[:12] for line in lines]


def added(before: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return the lines that were not there when the marks were taken."""
    matcher = difflib.SequenceMatcher(None, before, marks(lines), autojunk=False)
    return [
        line
        for kind, _, _, start, end in matcher.get_opcodes()
        if kind in ("insert", "replace")
        for line in lines[start:end]
    ]
