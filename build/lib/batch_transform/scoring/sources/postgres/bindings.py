"""What is asked of PostgreSQL beside the query: values bound, rows ordered, and a slice of them.

COPY takes no parameters, so values are bound to settings of the transaction; the planner reads
those like constants, since ``current_setting()`` is stable.
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET
"""

from __future__ import annotations

from typing import Any

from batch_transform.scoring.sources.slices import Slice


def bind(cursor: Any, name: str, value: str) -> None:
    """Give a setting of the transaction a value."""
    cursor.execute("SELECT set_config(%s, %s, true)", (f"batch_transform.{name}", value))


def setting(name: str) -> str:
    """Return the SQL that reads a setting, as text."""
    return f"current_setting('batch_transform.{name}')"


def quoted(name: str) -> str:
    """Return a column's name as SQL."""
    return f'"{name}"'


def sort_key(name: str, type_name: str) -> str:
    """Return what an id is ordered by.

    Texts are ordered by their bytes: an order by a language changes with the operating system.
    """
    if type_name.startswith("int"):
        return quoted(name)
    return f'CAST({quoted(name)} AS text) COLLATE "C"'


def bind_slice(cursor: Any, part: Slice) -> None:
    """Bind what the condition of a slice reads."""
    if part.modulus is not None:
        bind(cursor, "modulus", str(part.modulus))
    for number, boundary in enumerate(part.boundaries):
        bind(cursor, f"boundary_{number}", str(boundary))


def condition(part: Slice, key: str) -> str:
    """Return the condition that a row with this sort key as its first id is of a slice."""
    value = key
    if part.modulus is not None:
        modulus = _typed("modulus", part)
        value = f"(({key} % {modulus} + {modulus}) % {modulus})"  # a remainder may be negative
    bounds = [f"{value} >= {_boundary(number, part)}" for number in range(len(part.floors))]
    if part.ceiling is not None:
        bounds.append(f"{value} < {_boundary(part.number, part)}")
    within = " AND ".join(bounds)
    return within if part.number else f"({within} OR {key} IS NULL)"


def _boundary(number: int, part: Slice) -> str:
    return _typed(f"boundary_{number}", part)


def _typed(name: str, part: Slice) -> str:
    return f"CAST({setting(name)} AS {'text' if part.kind == 'text' else 'bigint'})"
