"""A statement that unloads: by what it is found again, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from batch_transform.scoring.errors import ScoringError, SourceError, Unreachable


@dataclass(frozen=True, kw_only=True)
class UnloadHandle:
    """What a task keeps of a statement.

    Attributes:
        id: the service's.
        into: prefix below which it unloads.
        instants: the columns that are timestamps in UTC.
    """

    id: str
    into: str
    instants: tuple[str, ...]

    def to_json(self) -> str:
        """Return it as a text."""
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> UnloadHandle:
        """Read it back."""
        content = json.loads(text)
        return cls(**{**content, "instants": tuple(content["instants"])})


class Failed(Protocol):
    """A statement that is over, and did not do what was asked."""

    statement: str
    words: str
    is_stopped: bool

    @property
    def passes(self) -> bool:
        """Whether waiting cures it."""


def refusal(failed: Failed, service: str) -> ScoringError:
    """Return the error that a failed statement is."""
    if failed.is_stopped:
        return SourceError(
            f"Statement {failed.statement} was stopped by somebody; clear the task to run it again"
        )
    if failed.passes:
        return Unreachable(f"{service} failed: {failed.words}")
    return SourceError(f"{service} refuses the query: {failed.words}")
