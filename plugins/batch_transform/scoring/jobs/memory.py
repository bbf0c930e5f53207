"""What attempts at a task leave for the next one about the job they need.

The job's name alone finds the job again, so nothing is lost where a crash comes between the call
and the record. The record, made before the call, is for what the name cannot do: to stop the job of
an attempt whose data were others, and to tell a retry from a task that a person has cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

_INTENT, _HELD, _TRIED, _CONCLUDED = "transform_job", "held", "tried", "concluded"
_FIRST_TRY, _REFUSED, _SHOWN = "first_try", "refused", "shown"


class Memory(Protocol):
    """Keeps values across the attempts at a task, as Airflow's ``task_state_store`` does."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The attempt that runs now, and the tries it belongs to.

    Attributes:
        attempt: id that Airflow makes anew for each attempt.
        number: the same for an attempt and its retries; a task that was cleared has another.
        cleared: whether a person has cleared the task before.
    """

    attempt: str
    number: int
    cleared: bool = False


@dataclass(frozen=True, kw_only=True)
class JobMemory:
    """The part of a task's memory that is about one of its jobs.

    Attributes:
        memory: of the task in its run; it survives retries and clears.
        chain: the attempt that runs now.
        label: tells the jobs of one task apart; empty where it has one.
    """

    memory: Memory
    chain: Chain
    label: str = ""

    def since(self, now: datetime) -> datetime:
        """Return when the first try of the chain was, which is now where nothing is recorded."""
        kept = self._of_chain(_FIRST_TRY)
        if kept is None:
            self._set(_FIRST_TRY, {"chain": self.chain.number, "at": now.isoformat()})
            return now
        return datetime.fromisoformat(kept["at"])

    def held(self) -> dict[str, Any] | None:
        """Return the job that this attempt holds, ``{"job_name": …, "how": …}``; None without one.

        An attempt that looks now and then begins many times.
        """
        kept = self._get(_HELD)
        return kept if kept is not None and kept["attempt"] == self.chain.attempt else None

    def hold(self, job_name: str, how: str) -> None:
        """Keep that this attempt has its job."""
        kept = {"attempt": self.chain.attempt, "job_name": job_name, "how": how}
        self._set(_HELD, kept)

    def intended_otherwise(self, digest: str) -> list[str]:
        """Return the names of jobs that earlier attempts intended for another digest."""
        kept = self._get(_INTENT)
        return list(kept["names"]) if kept is not None and kept["digest"] != digest else []

    def intend(self, name: str, digest: str) -> None:
        """Keep a name before a job of that name may exist."""
        kept = self._get(_INTENT)
        names = kept["names"] if kept is not None and kept["digest"] == digest else []
        self._set(_INTENT, {"digest": digest, "names": _with(names, name)})
        self._set(_TRIED, {"chain": self.chain.number, "names": _with(self.tried(), name)})

    def tried(self) -> list[str]:
        """Return the names of the jobs that this chain of tries has had, or was about to have."""
        kept = self._of_chain(_TRIED)
        return list(kept["names"]) if kept else []

    def conclude(self, name: str) -> None:
        """Keep that this chain has handed a job on to the tasks that follow."""
        kept = self._get(_CONCLUDED) or {}
        self._set(_CONCLUDED, {**kept, name: self.chain.number})

    def concluded_before(self, name: str) -> bool:
        """Tell whether a job was handed on before a person cleared the task."""
        return bool((self._get(_CONCLUDED) or {}).get(name, self.chain.number) != self.chain.number)

    def pinned(self, key: str, choose: Callable[[], str]) -> str:
        """Return what the first try of the chain has chosen, and choose where this is the first."""
        kept = self._of_chain(key)
        if kept is None:
            kept = {"chain": self.chain.number, "value": choose()}
            self._set(key, kept)
        return str(kept["value"])

    def refused(self, now: datetime) -> tuple[int, datetime]:
        """Count one more time that this attempt could not get its job; return since when, too."""
        kept = self._get(_REFUSED)
        if kept is None or kept["attempt"] != self.chain.attempt:
            kept = {"attempt": self.chain.attempt, "since": now.isoformat(), "times": 0}
        kept = {**kept, "times": kept["times"] + 1}
        self._set(_REFUSED, kept)
        return kept["times"], datetime.fromisoformat(kept["since"])

    def shown(self, job_name: str) -> list[str]:
        """Return the marks of the lines that were last shown of a job's log."""
        kept = self._get(_SHOWN)
        return list(kept["marks"]) if kept is not None and kept["job_name"] == job_name else []

    def show(self, job_name: str, marks: Sequence[str]) -> None:
        """Keep which lines of a job's log were shown."""
        self._set(_SHOWN, {"job_name": job_name, "marks": list(marks)})

    def _of_chain(self, key: str) -> Any:
        kept = self._get(key)
        return kept if kept is not None and kept["chain"] == self.chain.number else None

    def _get(self, key: str) -> Any:
        return self.memory.get(f"{self.label}{key}")

    def _set(self, key: str, value: Any) -> None:
        self.memory.set(f"{self.label}{key}", value)


def _with(names: Sequence[str], name: str) -> list[str]:
    return [*names, *([] if name in names else [name])]
