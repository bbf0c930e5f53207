"""What a switch is: one behaviour that is not documented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One undocumented behaviour.

    Args:
        default: what this stand-in does; its type is the type of every value.
        allowed: the values to choose from; empty when any value of the type will do.
        known: what is known about it.
    """

    name: str
    default: Any
    allowed: tuple[Any, ...] = ()
    known: str
