"""Names of manual runs, which say the partition as those of scheduled runs and backfills do.

Airflow asks a timetable for a run's id before it tells anybody what the run was asked for. So the
timetable gives an unfinished one, and the partition is put into it as the run's row is written.
https://docs.sqlalchemy.org/en/20/orm/events.html#sqlalchemy.orm.MapperEvents.before_insert
"""

from __future__ import annotations

from functools import cache
from typing import Any

from batch_transform.run_dates import partition_of_row


class _Unfinished(str):
    """The id of a run whose partition is not known yet, in the pipeline's time zone."""

    __slots__ = ("timezone",)
    timezone: str


def unfinished(name: str, timezone: str) -> str:
    """Return an id that gets its partition when the run's row is written.

    Args:
        name: as Airflow makes it: ``manual__2026-11-26T09:30:00+00:00``. It becomes
            ``manual__2013-06-04__2026-11-26T09:30:00+00:00``, and stays where the run names no day.
        timezone: the pipeline's.
    """
    _watch()
    found = _Unfinished(name)
    found.timezone = timezone
    return found


@cache
def _watch() -> None:
    """Be told of each run's row before it is written, in a process that makes runs."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import event

    event.listen(DagRun, "before_insert", _finish)


def _finish(_mapper: Any, _connection: Any, run: Any) -> None:
    if not isinstance(run.run_id, _Unfinished):
        return
    partition = partition_of_row(run, run.run_id.timezone)
    kind, _, moment = run.run_id.partition("__")
    run.run_id = "__".join([kind, partition.label, moment] if partition else [kind, moment])
