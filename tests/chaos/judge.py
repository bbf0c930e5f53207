"""Judges from outside whether the six invariants of a run held, whatever went wrong with it.

Nothing here is the product's: jobs are counted where AWS takes them, the table is read in a loop
over a connection of the judge's own, and what must be in it follows from the source's rows.
"""

import gzip
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from psycopg import OperationalError
from psycopg.errors import UndefinedTable

from tests.chaos.postgres_front import connected

_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.02
_STATE = """
SELECT
    coalesce((
        SELECT json_agg(json_build_array(id::int, sweetness) ORDER BY id::int)
        FROM predictions.{0} WHERE picked_on = %(day)s
    ), '[]'),
    (
        SELECT json_build_array(load_id, source_rows, records, rows, quarantined)
        FROM predictions.batch_transform_ledger
        WHERE target = 'predictions.{0}' AND partition = %(day)s ORDER BY load_id DESC LIMIT 1
    ),
    coalesce((
        SELECT json_agg(id[1]::int ORDER BY id[1]::int)
        FROM predictions.batch_transform_quarantine
        WHERE target = 'predictions.{0}' AND partition = %(day)s
    ), '[]')
"""
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL(%s)
"""
_LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@dataclass(frozen=True)
class State:
    """What a reader sees of a partition in one look."""

    rows: list
    entry: list | None
    quarantined: list

    def problem(self, day):
        """Say how it is not the result of a day's rows; empty where it is."""
        counts = [len(day.rows), len(day.rows), len(day.predictions), len(day.quarantined)]
        wanted = (day.predictions, counts, day.quarantined)
        seen = (self.rows, self.entry[1:] if self.entry else None, self.quarantined)
        names = ("the table", "the ledger", "the quarantine")
        wrong = [n for n, a, b in zip(names, wanted, seen, strict=True) if a != b]
        return f"{', '.join(wrong)} of {seen}" if wrong else ""


def seen_now(world, day):
    """Return what a reader sees of a partition now."""
    reader = Reader(world.dsn, day)
    try:
        return reader.look()
    finally:
        reader.close()


class Reader:
    """Reads a partition again and again, and keeps what it saw each time it was another."""

    def __init__(self, dsn, day):
        self._query = _STATE.format(day.pipeline)
        self._day, self._dsn = day, dsn
        self._connection = connected(dsn)
        self.states, self.looks = [], 0
        self._ends = threading.Event()

    @property
    def backend(self):
        """The process of the server that serves it."""
        return self._connection.info.backend_pid

    @contextmanager
    def reading(self):
        """Read meanwhile."""
        self.look()
        thread = threading.Thread(target=self._loop, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            thread.join()
            self.look()

    def close(self):
        """Hang up."""
        self._connection.close()

    def _loop(self):
        while not self._ends.wait(_POLL_SECONDS):
            self.look()

    def look(self):
        """Look once, and return what is seen."""
        try:
            row = self._connection.execute(self._query, {"day": self._day.label}).fetchone()
        except UndefinedTable:
            row = ([], None, [])
        except OperationalError:  # the server has crashed
            self._connection.close()
            self._connection = connected(self._dsn)
            return self.look()
        self.looks += 1
        state = State(*row)
        if not self.states or self.states[-1] != state:
            self.states.append(state)
        return state


@dataclass
class Verdict:
    """What did not hold.

    Attributes:
        falls: a sentence for each, which begins with the number of the invariant.
        judged: how many invariants were looked at.
    """

    falls: list = field(default_factory=list)
    judged: int = 0

    def hold(self, invariant, problem):
        """Look at one invariant: ``problem`` is what is wrong with it, if anything."""
        self.judged += 1
        if problem:
            self.falls.append(f"{invariant}: {problem}")

    def add(self, other):
        """Add what another verdict says."""
        self.falls += other.falls
        self.judged += other.judged


def judge(world, run, reader, paid, allowed):
    """Judge a run that came to its end.

    Args:
        world: where it ran.
        run: the run.
        reader: what was read of its partition, from before it began until after it ended.
        paid: names of the jobs that were created for it.
        allowed: how many there may be.
    """
    verdict = Verdict()
    verdict.hold(1, _paid(paid, allowed))
    verdict.hold(2, _whole(reader))
    verdict.hold(3, reader.states[-1].problem(run.day))
    verdict.hold(4, _done(world, paid, run.day))
    verdict.hold(5, running(world, run.day) or _left(world, reader, run))
    verdict.hold(6, _same_bytes(world, run))
    return verdict


def _paid(paid, allowed):
    names = {each.rpartition("-g")[0] or each for each in paid}
    twice = len(paid) - len(names)
    if len(paid) > allowed or (allowed and not paid):
        return f"{len(paid)} jobs were paid for and not {allowed}, {twice} of them twice: {paid}"
    return ""


def _whole(reader):
    """A reader sees the old partition, then the new one, and nothing else, with its own ledger."""
    seen = reader.states
    if len(seen) > 2:
        return f"a reader saw {len(seen)} states: {seen}"
    if len(seen) == 2 and seen[0].entry and seen[0].entry[0] >= seen[1].entry[0]:
        return f"a reader saw an older load after a newer one: {seen}"
    return ""


def _done(world, paid, day):
    """Only a job that Completed, or one that Failed for a bad record, may stand behind rows."""
    sagemaker = world.aws.client("sagemaker")
    allowed = {"Completed", "Failed"} if day.quarantined else {"Completed"}
    ends = {}
    for name in paid[-1:]:
        described = sagemaker.describe_transform_job(TransformJobName=name)
        ends[name] = described["TransformJobStatus"]
    wrong = {name: end for name, end in ends.items() if end not in allowed}
    return f"rows are of jobs that ended {wrong}" if wrong else ""


def running(world, day):
    """Say which jobs of a pipeline still run, some time after they should not."""
    left = _settled(lambda: unfinished(world, day.pipeline))
    return f"jobs run on for nobody: {left}" if left else ""


def unfinished(world, pipeline):
    """Return the names of a pipeline's jobs that are not over."""
    sagemaker = world.aws.client("sagemaker")
    return [
        job["TransformJobName"]
        for status in ("InProgress", "Stopping")
        for job in sagemaker.list_transform_jobs(StatusEquals=status, NameContains=pipeline)[
            "TransformJobSummaries"
        ]
    ]


def _left(world, reader, run):
    """Say what is left of a run's processes, sessions, locks and files."""
    with connected(world.dsn) as connection:
        own = [reader.backend, connection.info.backend_pid]
        if sessions := _settled(lambda: connection.execute(_SESSIONS, (own,)).fetchone()[0]):
            return f"{sessions} sessions of the warehouse are left"
        if locks := connection.execute(_LOCKS).fetchone()[0]:
            return f"{locks} locks of the warehouse are left"
    if children := _settled(lambda: _children(run.nursery.pid)):
        return f"processes are left: {children}"
    files = list(world.scratch.glob("batch-transform-*/*"))
    return f"files are left: {files}" if files else ""


def _children(pid):
    found = psutil.Process(pid).children(recursive=True)
    return [each for each in found if each.status() != psutil.STATUS_ZOMBIE]


def _settled(look):
    """What a look gives once it gives nothing, or in the end."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while (left := look()) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return left


def _same_bytes(world, run):
    """Every attempt at the extract wrote the same records, in the same cuts."""
    s3 = world.aws.client("s3")
    written = []
    for attempt in run.attempts.get("extract", ()):
        root = f"nightly/{run.day.pipeline}/{run.day.label}/{attempt}/input/"
        listed = s3.list_objects_v2(Bucket="runs", Prefix=root).get("Contents", [])
        bodies = {}
        for entry in listed:
            body = s3.get_object(Bucket="runs", Key=entry["Key"])["Body"].read()
            bodies[entry["Key"].removeprefix(root)] = body
        if "index.json" in bodies:
            written.append(bodies)
    if not written:
        return ""  # deleted by an act
    if any(each != written[0] for each in written):
        return f"{len(written)} attempts at the extract wrote different objects"
    lines = [line for name, body in written[-1].items() if name != "index.json"
             for line in gzip.decompress(body).decode().splitlines()]  # fmt: skip
    wanted = [f"{each},{weight!r}" for each, weight in run.day.rows.items()]
    return "" if sorted(lines) == sorted(wanted) else f"the extract wrote {json.dumps(lines)}"
