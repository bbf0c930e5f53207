"""Which of a partition's objects may go: nothing that a run could still ask for.

| an attempt at the partition                      | what becomes of it                           |
|--------------------------------------------------|----------------------------------------------|
| gave the rows in force, or a job of theirs, or   | stays whole: a run of the same data attaches |
| their quarantine                                 | to it, and a resubmit reads it               |
| is read or written by a job in progress          | stays whole                                  |
| could still be loaded: it read its source after  | the whole partition stays: the attempt may   |
| the load in force did                            | have attached to the job of any other        |
| anything else                                    | is retired, and goes kind by kind            |

Where the ledger knows no load, or not all of its jobs are known, the whole partition stays, too.

To retire an attempt is to put a mark beside what its jobs read: no run attaches to them from then
on. A run that had done so a moment before has a day to come to its end; then the objects go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.retention.attempts import Attempt, Stage
from batch_transform.scoring.warehouse.ledger import Entry

GRACE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Partition:
    """What is known of a partition.

    Attributes:
        attempts: all of them.
        entry: of the load in force; None where there is none.
        job_places: what the jobs of that load read and wrote; empty where it had none.
        are_jobs_known: whether they are all known, to whom loaded them and to SageMaker.
        busy: what jobs in progress read and write.
    """

    attempts: Sequence[Attempt]
    entry: Entry | None
    job_places: frozenset[S3Uri] = frozenset()
    are_jobs_known: bool = True
    busy: frozenset[S3Uri] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to do.

    Attributes:
        restore: marks to take away.
        retire: marks to put.
        delete: objects to delete, by kind.
    """

    restore: Sequence[S3Uri] = ()
    retire: Sequence[S3Uri] = ()
    delete: Mapping[str, Sequence[S3Uri]] = field(default_factory=dict)


def verdict(partition: Partition, keep: Mapping[str, timedelta], now: datetime) -> Verdict:
    """Say what may go by now; ``keep`` says how long each kind of object is kept."""
    is_whole = _stays_whole(partition)
    restore: list[S3Uri] = []
    retire: list[S3Uri] = []
    delete: dict[str, list[S3Uri]] = defaultdict(list)
    for attempt in partition.attempts:
        if _is_needed(attempt, partition):
            restore += attempt.marks
        elif not is_whole and (expired := _expired(attempt, keep, now)):
            retire += attempt.unmarked
            if _is_retired(attempt, now):
                for kind in expired:
                    delete[kind] += attempt.bulk[kind]
    return Verdict(restore=restore, retire=retire, delete=delete)


def _stays_whole(partition: Partition) -> bool:
    entry = partition.entry
    if entry is None or not partition.are_jobs_known:
        return True
    return any(_may_be_loaded(attempt, entry) for attempt in partition.attempts)


def _may_be_loaded(attempt: Attempt, entry: Entry) -> bool:
    """Tell whether a load may come that the warehouse would not refuse as an older one."""
    if attempt.stage is not Stage.OPEN:
        return False
    if attempt.taken_at is None or entry.snapshot_at is None:
        return True
    return attempt.taken_at >= entry.snapshot_at


def _is_needed(attempt: Attempt, partition: Partition) -> bool:
    entry = partition.entry
    places = {*partition.job_places, *partition.busy}
    digests = {""}  # of a load that cannot be read
    if entry is not None:
        digests.add(entry.digest)
        if entry.quarantine:
            places.add(S3Uri.parse(entry.quarantine))
    if any(map(attempt.holds, places)):
        return True
    return attempt.stage is Stage.LOADED and attempt.digest in digests


def _expired(attempt: Attempt, keep: Mapping[str, timedelta], now: datetime) -> list[str]:
    """Name the kinds of what the attempt still has, and has had for longer than they are kept."""
    age = now - attempt.newest
    return [kind for kind in attempt.bulk if kind in keep and age > keep[kind]]


def _is_retired(attempt: Attempt, now: datetime) -> bool:
    """Tell whether no run that is at work may have attached to any job of the attempt."""
    return not attempt.unmarked and all(now - at > GRACE for at in attempt.marks.values())
