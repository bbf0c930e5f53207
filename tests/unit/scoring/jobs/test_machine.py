"""Whatever the mix of crash, retry, clear, outside stop, throttling and changed data.

Paid once: a job is started only where every earlier job of its content is spent, or a run forces
one. Done means done: success is Completed with every output. Nothing left running: a job that runs
is owned by an attempt that is alive, or that was killed so hard that its retry must find it.
"""

import itertools

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batch_transform.scoring.errors import ScoringError, Transient, Unreachable
from batch_transform.scoring.jobs.claim import OWNER_TAG, Claimant, stop_if_owned
from batch_transform.scoring.jobs.look import Services, check_done, look
from batch_transform.scoring.jobs.memory import begin
from batch_transform.scoring.jobs.progress import missing_outputs
from batch_transform.scoring.jobs.service import COMPLETED, FAILED, IN_PROGRESS, STOPPED
from batch_transform.scoring.jobs.start import Wanted
from batch_transform.scoring.testing import (
    InMemoryJobs,
    InMemoryLogs,
    InMemoryMemory,
    InMemoryObjects,
)
from tests.unit.scoring.jobs.conftest import INDEX, OUTPUT, REQUEST, shard, watched

ALIVE, CRASHED, GONE = "alive", "crashed", "gone"
NIGHTLY, FORCED = "nightly", "forced"


class WorkerKilledError(BaseException):
    """kill -9."""


class Jobs(InMemoryJobs):
    """Jobs that can kill who creates one, and that remember why each was started."""

    def __init__(self):
        super().__init__()
        self.killed_by = None
        self.paid_twice = []
        self.is_spent = None
        self.force = False

    def create(self, request):
        when, self.killed_by = self.killed_by, None
        if when == "before":
            raise WorkerKilledError
        before = set(self.created)
        super().create(request)
        (name,) = set(self.created) - before
        base = name.split("-g")[0]
        same = [job for job in self.all() if job.name.split("-g")[0] == base and job.name != name]
        if not self.force and not all(map(self.is_spent, same)):
            self.paid_twice.append(name)
        if when == "after":
            raise WorkerKilledError


class Attempts(RuleBasedStateMachine):
    """One task of two runs of a partition, attempt after attempt; the second run is forced."""

    def __init__(self):
        super().__init__()
        self.jobs, self.objects = Jobs(), InMemoryObjects()
        self.jobs.is_spent = self.is_spent
        self.services = Services(jobs=self.jobs, objects=self.objects, logs=InMemoryLogs())
        self.numbers, self.data = itertools.count(1), "a"
        self.run, self.runs = NIGHTLY, {}
        self.memories = {NIGHTLY: InMemoryMemory(), FORCED: InMemoryMemory()}
        self.states, self.watching, self.successes = {}, {}, []

    def is_whole(self, job):
        return job.status == COMPLETED and not missing_outputs(INDEX, self.objects, job.output)

    def is_left_to_recover(self, job):
        missing = missing_outputs(INDEX, self.objects, job.output)
        return job.status == FAILED and 0 < len(missing) < len(INDEX.shards)

    def is_spent(self, job):
        return job.status != IN_PROGRESS and not self.is_whole(job)

    @property
    def current(self):
        return max(self.states, default=None)

    def start(self, killed_by, throttled):
        attempt = next(self.numbers)
        self.states[attempt], self.runs[attempt] = ALIVE, self.run
        force = self.run == FORCED
        self.jobs.killed_by, self.jobs.force = killed_by, force
        self.jobs.refusals = [Unreachable("throttled")] * throttled
        wanted = Wanted(
            pipeline="apples",
            partition="2013-06-01",
            digest=self.data * 64,
            request={**REQUEST, "TransformOutput": {"S3OutputPath": f"{OUTPUT}/{attempt}"}},
            instance_types=("ml.m5.large",),
            claimant=Claimant(attempt=str(attempt), run=self.run),
            force=force,
        )
        try:
            found = begin(
                self.jobs, self.memories[self.run], wanted, stands=self.is_whole, expect=str
            )
        except WorkerKilledError:
            self.states[attempt] = CRASHED
        except Transient:
            self.states[attempt] = CRASHED  # its retry comes
        else:
            self.watching[attempt] = found.job.name
            for each, state in self.states.items():
                if state == CRASHED and self.runs[each] == self.run:
                    self.states[each] = GONE  # its retry has come
        self.jobs.killed_by, self.jobs.refusals = None, []

    def change_data(self):
        self.data = {"a": "b", "b": "c", "c": "a"}[self.data]

    def kill(self, attempt):
        """What on_kill does."""
        self.states[attempt] = GONE
        name = self.watching.get(attempt)
        if name is not None:
            stop_if_owned(self.jobs, name, str(attempt), wait_for_heir=lambda: False)

    @precondition(lambda self: self.states.get(self.current) != ALIVE)
    @rule(
        killed_by=st.sampled_from([None, None, "before", "after"]),
        throttled=st.integers(0, 2),
        changed=st.booleans(),
    )
    def attempt(self, killed_by, throttled, changed):
        if changed:
            self.change_data()
        self.start(killed_by, throttled)

    @precondition(lambda self: self.states.get(self.current) == ALIVE)
    @rule(old_first=st.booleans(), changed=st.booleans())
    def clear(self, old_first, changed):
        """The old attempt is ended before or after the new one has attached."""
        old = self.current
        if changed:
            self.change_data()
        if old_first:
            self.kill(old)
        self.start(killed_by=None, throttled=0)
        if not old_first:
            stopped = len(self.jobs.stopped)
            self.kill(old)
            if self.watching[self.current] == self.watching[old]:
                assert len(self.jobs.stopped) == stopped, "a newer attempt owns it"

    @precondition(lambda self: self.states.get(self.current) == ALIVE)
    @rule()
    def crash_while_watching(self):
        self.states[self.current] = CRASHED

    @precondition(lambda self: self.states.get(self.current) == ALIVE)
    @rule()
    def mark_failed(self):
        self.kill(self.current)

    @precondition(lambda self: self.states.get(self.current) != ALIVE)
    @rule()
    def other_run(self):
        self.run = FORCED if self.run == NIGHTLY else NIGHTLY

    @rule(
        status=st.sampled_from([COMPLETED, COMPLETED, FAILED, STOPPED]),
        outputs=st.sampled_from([4, 4, 3, 0]),
    )
    def job_ends(self, status, outputs):
        """By itself, or stopped from outside."""
        for job in self.jobs.all():
            if job.status == IN_PROGRESS:
                for number in range(outputs):
                    self.objects.put(job.output / f"{shard(number).name}.out", b"1")
                self.jobs.end(job.name, status)

    @precondition(lambda self: self.states.get(self.current) == ALIVE)
    @rule()
    def finish(self):
        name = self.watching[self.current]
        seen = look(self.services, watched(name, str(self.current)), self.jobs.now)
        if seen.job.status == IN_PROGRESS:
            return
        try:
            check_done(self.services, watched(name), seen)
        except ScoringError:
            self.states[self.current] = GONE
        else:
            self.states[self.current] = GONE
            self.successes.append(seen.job)

    @invariant()
    def paid_once(self):
        assert self.jobs.paid_twice == []
        assert len(self.jobs.created) == len(set(self.jobs.created))

    @invariant()
    def done_means_done(self):
        assert all(self.is_whole(job) or self.is_left_to_recover(job) for job in self.successes)

    @invariant()
    def nothing_left_running(self):
        for job in self.jobs.all():
            if job.status == IN_PROGRESS:
                owner = int(self.jobs.tags(job.arn)[OWNER_TAG])
                assert self.states[owner] != GONE, f"{job.name} runs for nobody"


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(
    max_examples=400,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
