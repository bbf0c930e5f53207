"""What an attempt leaves for the next one: which jobs it was about to start.

The job's name alone finds the job again, so nothing is lost where a crash comes between the call
and the record. The record, made before the call, is for what the name cannot do: to find the job of
an attempt whose data were others, so that it does not run on for nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from batch_transform.scoring.jobs.claim import stop_if_owned
from batch_transform.scoring.jobs.service import Job, TransformJobs
from batch_transform.scoring.jobs.start import Found, Wanted, start_or_attach

INTENT = "transform_job"
_WATCHING = "watching"


class Memory(Protocol):
    """Keeps values across the attempts at a task, as Airflow's ``task_state_store`` does."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold."""


def watching(memory: Memory, attempt: str) -> dict[str, Any] | None:
    """Return what ``keep_watching`` kept for this attempt; None where it has no job yet."""
    kept: dict[str, Any] | None = memory.get(_WATCHING)
    return kept if kept is not None and kept["attempt"] == attempt else None


def keep_watching(memory: Memory, attempt: str, job_name: str, how: str) -> None:
    """Keep that an attempt has its job: an attempt that looks now and then begins many times."""
    memory.set(_WATCHING, {"attempt": attempt, "job_name": job_name, "how": how})


def begin(
    jobs: TransformJobs,
    memory: Memory,
    wanted: Wanted,
    *,
    stands: Callable[[Job], bool],
    expect: Callable[[str], None],
) -> Found:
    """Come by the wanted job; stop what an earlier attempt at this task started for other data.

    Args:
        jobs: where jobs are.
        memory: of the task in this run.
        wanted: the job.
        stands: whether a job that has Completed or Failed gives what is wanted.
        expect: told the name of each job that is about to be created, last of all.

    Raises:
        JobConflict: the name belongs to a job that does something else.
        RequestRefused: the service does not take the request.
        Transient: it may take it later.
    """
    earlier = memory.get(INTENT)
    names, attempts = [], [wanted.claimant.attempt]
    if earlier is not None and earlier["digest"] == wanted.digest:
        # Any of the attempts may own any of the jobs: each may have ended at any point.
        names, attempts = earlier["names"], [*earlier["attempts"], *attempts]
    elif earlier is not None:
        for name in earlier["names"]:
            stop_if_owned(jobs, name, *earlier["attempts"], wait_for_heir=lambda: False)

    def remember(name: str) -> None:
        if name not in names:
            names.append(name)
        memory.set(INTENT, {"names": names, "digest": wanted.digest, "attempts": attempts})

    def intend(name: str) -> None:
        remember(name)
        expect(name)

    found = start_or_attach(jobs, wanted, stands=stands, intend=intend)
    remember(found.job.name)
    return found
