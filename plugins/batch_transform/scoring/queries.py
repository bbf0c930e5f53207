"""Statements in one file of SQL, each below a line ``-- name: <name>``."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(path: Path) -> dict[str, str]:
    """Read the statements of a file by their names; what stands before the first is a comment."""
    _, *sections = _NAME.split(path.read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(sections[::2], sections[1::2], strict=True)}


def literal(text: str) -> str:
    """Quote a text for a statement of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Quote a name for a statement of DuckDB."""
    return '"' + name.replace('"', '""') + '"'
