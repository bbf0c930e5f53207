"""A year of partitions, with faults: at its end Airflow's processes are as they were at its start.

``pytest -m slow -n 0 --log-cli-level=INFO tests/e2e/test_year.py`` tells what was measured.
"""

import logging
import os
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.e2e.conftest import EMPTY, YEAR
from tests.e2e.test_backfill import Days
from tests.e2e.test_jobs import Jobs, until

DAYS = int(os.environ.get("YEAR_DAYS", "365"))
EVERY = 20  # partitions to a fault: 5 %
SECONDS = 60 + 20 * DAYS
# Each is ordered of the local AWS; the last kills the process of a task.
FAULTS = (
    {"fault": "throttle", "operation": "CreateTransformJob", "times": 3},
    {"fault": "internal-failure", "operation": "DescribeTransformJob", "times": 3},
    {"fault": "capacity-error"},
    {"fault": "internal-server-error"},
    None,
)
PAID_MORE = ("capacity-error", "internal-server-error")
GROWTH = 1.15
SLACK_BYTES = 40 << 20

_LOG = logging.getLogger(__name__)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 300)]


@dataclass(frozen=True)
class Sample:
    """What was seen of the stack at one time.

    Attributes:
        done: how many partitions were scored.
        seconds: since the backfill began.
        memory: bytes of each of Airflow's processes, without those that it starts.
        files: open files of each.
        threads: of each.
        sessions: of the database of Airflow, and of the warehouse.
    """

    done: int
    seconds: float
    memory: dict
    files: dict
    threads: dict
    sessions: int


@dataclass
class Watch:
    """Looks at the stack while a year is scored, and lets things go wrong."""

    year: Days
    jobs: Jobs
    samples: list = field(default_factory=list)
    struck: Counter = field(default_factory=Counter)
    begun: float = field(default_factory=time.monotonic)
    _chance: random.Random = field(default_factory=lambda: random.Random(1))

    def look(self):
        """Take a sample; return how many partitions are scored."""
        done = len(self.year.succeeded())
        processes = {
            each.command.name: psutil.Process(each.process.pid)
            for each in self.year.laptop.stack.processes.running
            if each.command.name.startswith("airflow-") and each.command.restarts
        }
        self.samples.append(
            Sample(
                done=done,
                seconds=time.monotonic() - self.begun,
                memory={name: each.memory_info().rss for name, each in processes.items()},
                files={name: each.num_fds() for name, each in processes.items()},
                threads={name: each.num_threads() for name, each in processes.items()},
                sessions=self._sessions(),
            )
        )
        return done

    def _sessions(self):
        with psycopg.connect(self.year.laptop.stack.postgres.dsn("airflow")) as server:
            return server.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            ).fetchone()[0]

    def strike(self, done):
        """Let one thing go wrong for so many partitions."""
        while self.struck.total() < done // EVERY:
            fault = FAULTS[self.struck.total() % len(FAULTS)]
            self.struck[fault["fault"] if fault else "a task is killed"] += 1
            if fault:
                self.jobs.order("POST", "faults", **fault)
            else:
                self._kill_a_task()

    def _kill_a_task(self):
        path = "/dags/~/dagRuns/~/taskInstances"
        client = self.year.laptop.api.client
        listed = client.get(path, params={"state": "running"}).raise_for_status().json()
        alive = [each["pid"] for each in listed["task_instances"] if each["pid"]]
        if alive:
            os.kill(self._chance.choice(alive), signal.SIGKILL)

    def is_over(self):
        self.strike(self.look())
        states = self.year.states()
        return len(states) == DAYS and not {"queued", "running"} & set(states.values())

    def seconds_a_partition(self, first, last):
        """Return the pace between two shares of the year."""
        begins, ends = (self._at(share) for share in (first, last))
        return (ends.seconds - begins.seconds) / (ends.done - begins.done)

    def _at(self, share):
        return next(each for each in self.samples if each.done >= share * DAYS)

    def grown(self, what):
        """Return the least in the second quarter, and in the last, of what each process has."""
        second = [each for each in self.samples if DAYS / 4 <= each.done < DAYS / 2]
        last = [each for each in self.samples if each.done >= DAYS * 3 / 4]
        names = getattr(last[0], what)
        return {
            name: tuple(min(getattr(each, what)[name] for each in some) for some in (second, last))
            for name in names
        }


def temporary():
    return set(Path(tempfile.gettempdir()).glob("batch-transform-*/*"))


def test_a_year_leaves_nothing_behind_and_is_as_quick_at_its_end(laptop):
    year, jobs = Days(laptop, date(2013, 1, 1), DAYS, YEAR), Jobs(laptop)
    before = temporary()
    watch = Watch(year, jobs)
    year.backfill("none")
    until(watch.is_over, "the year is over", SECONDS)
    pace = [watch.seconds_a_partition(*share) for share in ((0.05, 0.5), (0.5, 1))]
    _LOG.info("%d partitions in %.0f s; %s", DAYS, watch.samples[-1].seconds, watch.struck)
    _LOG.info("seconds a partition in the first half %.1f, in the second %.1f", *pace)
    for what in ("memory", "files", "threads"):
        _LOG.info("%s in the second quarter and in the last: %s", what, watch.grown(what))

    assert set(year.states().values()) == {"success"}
    year.check_rows()
    assert set(year.scored()) == set(year.days) - set(EMPTY)
    paid = year.jobs()
    more = sum(watch.struck[each] for each in PAID_MORE)
    assert len(paid) == len(year.scored())
    assert paid.total() <= len(paid) + more, "what was paid once is not paid again"
    assert temporary() <= before
    assert pace[1] <= pace[0] * 1.25
    for name, (early, late) in watch.grown("memory").items():
        assert late <= early * GROWTH + SLACK_BYTES, name
    for what in ("files", "threads"):
        for name, (early, late) in watch.grown(what).items():
            assert late <= early + 5, (what, name)
