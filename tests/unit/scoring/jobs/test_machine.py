"""Whatever the mix of crash, retry, clear, mark, outside stop, throttling and changed data.

Paid once: a job is started only where every earlier job of its content is spent, or a run forces
one. Done means done: success is Completed with every output, or something to recover from. Nothing
left running: after the janitor has passed, each job that runs is wanted by a task that is alive.
And nobody stops the job of a run that is alive.
"""

from contextlib import suppress
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from batch_transform.scoring.errors import ScoringError, Transient, Unreachable
from batch_transform.scoring.jobs.look import check_done, is_usable, look
from batch_transform.scoring.jobs.owners import give_up, owners
from batch_transform.scoring.jobs.service import COMPLETED, FAILED, IN_PROGRESS, STOPPED
from batch_transform.scoring.jobs.sweep import sweep
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.recovery.pieces import layout_of
from batch_transform.scoring.testing import FakeAws, InMemoryJobs
from tests.unit.scoring.jobs.conftest import (
    DEADLINE,
    INDEX,
    JOB,
    LAYOUT,
    ROOT,
    Task,
    delete,
    end,
    extracted,
)

# What Airflow knows of a task: it runs or waits; it died and its retry comes; it is over.
ALIVE, CRASHED, OVER = "alive", "crashed", "over"
NIGHTLY, BACKFILL, FORCED = RUNS = ("nightly", "backfill", "forced")
runs = st.sampled_from(RUNS)
throttled = st.sampled_from([0, 0, 1, 2])


class WorkerKilledError(BaseException):
    """kill -9."""


class Jobs(InMemoryJobs):
    """Jobs that can kill who creates one, and that remember which were paid for twice."""

    def __init__(self):
        super().__init__()
        self.killed_by = self.is_spent = None
        self.force = False
        self.paid_twice = []

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
    """Three runs of a partition, one of them forced, each attempt after attempt."""

    def __init__(self):
        super().__init__()
        self.aws = FakeAws(jobs=Jobs())
        self.aws.jobs.is_spent = self.is_spent
        self.tasks = {run: Task(self.aws, run) for run in RUNS}
        self.states = dict.fromkeys(RUNS, OVER)
        self.held, self.data, self.handed_on = {}, "a", []
        self.swept = False

    def is_spent(self, job):
        """Tell whether a job is over for good; a person may clear even one that can be used."""
        return job.status != IN_PROGRESS and not (
            is_usable(self.aws, job, INDEX) and not (job.status == FAILED and self.handed_on)
        )

    @rule(
        run=runs,
        killed_by=st.sampled_from([None, None, None, "before", "after"]),
        throttled=throttled,
        changed=st.booleans(),
    )
    def attempt(self, run, killed_by, throttled, changed):
        """The next attempt of a task that is not running: its first, a retry, or after a clear."""
        if self.states[run] == ALIVE:
            return
        if self.states[run] == OVER:
            self.tasks[run].cleared()
        if changed:
            self.data = {"a": "b", "b": "c", "c": "a"}[self.data]
        self.begin(run, killed_by, throttled)

    def begin(self, run, killed_by=None, throttled=0):
        jobs, self.swept = self.aws.jobs, False
        jobs.killed_by, jobs.force = killed_by, run == FORCED
        jobs.refusals = [Unreachable("throttled")] * throttled
        # Each extract's attempt has a prefix of its own.
        attempt = f"{run}-{self.data}-{self.tasks[run].owner.try_number}"
        layout = RunLayout(attempt_root=LAYOUT.attempt_root / attempt)
        job = replace(JOB, digest=self.data * 64, output=layout.output, force=run == FORCED)
        job = extracted(self.aws, layout, job)
        try:
            self.held[run] = self.tasks[run].attempt(job)
        except (WorkerKilledError, Transient):
            self.states[run] = CRASHED
        except ScoringError:
            self.states[run] = OVER
        else:
            self.states[run] = ALIVE
            self.is_whole(self.held[run].job)
        jobs.killed_by, jobs.refusals = None, []

    def is_whole(self, job):
        """What has ended and is gone on from has all that a load reads."""
        if job.status != IN_PROGRESS:
            keys = [uri.key for uri in self.aws.objects.keys(layout_of(job).input)]
            left = {key.rpartition("/")[2] for key in keys}
            assert self.aws.objects.has(layout_of(job).manifest)
            assert left == {shard.name for shard in INDEX.shards}, f"shards of {job.name} are gone"

    @rule(kind=st.sampled_from(["input/", "output/", "manifest.json"]))
    def what_jobs_read_or_wrote_is_deleted(self, kind):
        """By a rule of the bucket, say; runs that go on now find out when they load."""
        for job in self.aws.jobs.all():
            delete(self.aws, layout_of(job).attempt_root / kind)
        self.handed_on = []

    @rule(run=runs, changed=st.booleans())
    def clear_while_it_runs(self, run, changed):
        """The worker is ended, and sees that its task will run again: it leaves the job."""
        if self.states[run] == ALIVE:
            if changed:
                self.data = {"a": "b", "b": "c", "c": "a"}[self.data]
            self.begin(run)

    @rule(run=runs)
    def an_old_attempt_is_ended_late(self, run):
        """It sees a task that is over, but a later attempt on the job: it leaves it to that."""
        if self.states[run] == ALIVE:
            old = self.tasks[run].owner
            self.begin(run)
            if self.states[run] == ALIVE:
                stopped = list(self.aws.jobs.stopped)
                give_up(self.aws.jobs, self.held[run].job.name, old)
                assert self.aws.jobs.stopped == stopped

    @rule(run=runs)
    def crash(self, run):
        if self.states[run] == ALIVE:
            self.states[run] = CRASHED

    @rule(run=runs, throttled=throttled)
    def mark_while_it_runs(self, run, throttled):
        """What on_kill does, as far as AWS lets it."""
        if self.states[run] == ALIVE:
            self.states[run], self.swept = OVER, False
            self.aws.jobs.refusals = [Unreachable("throttled")] * throttled
            with suppress(Transient):
                give_up(self.aws.jobs, self.held[run].job.name, self.tasks[run].owner)
            self.aws.jobs.refusals = []

    @rule(run=runs)
    def mark_while_nobody_looks(self, run):
        """Its worker or triggerer is dead: nothing calls on_kill."""
        self.states[run], self.swept = OVER, False

    @rule()
    def janitor(self):
        list(sweep(self.aws.jobs, ROOT, lambda owner: self.states[owner.run_id] != OVER))
        self.swept = True

    @rule(
        status=st.sampled_from([COMPLETED, COMPLETED, FAILED, STOPPED]),
        outputs=st.sampled_from([4, 4, 3, 0]),
    )
    def job_ends(self, status, outputs):
        """By itself, or stopped from outside."""
        for job in self.aws.jobs.all():
            if job.status == IN_PROGRESS:
                end(self.aws, Holding(job), status, outputs=range(outputs))

    @rule(run=runs)
    def finish(self, run):
        if self.states[run] != ALIVE:
            return
        held, task = self.held[run], self.tasks[run]
        seen = look(self.aws, task.watch(held))
        if seen.job.status == IN_PROGRESS:
            return
        self.states[run] = OVER
        try:
            check_done(self.aws, seen, INDEX, DEADLINE)
        except ScoringError:
            return
        task.job_memory().conclude(seen.job.name)
        self.handed_on.append(seen.job)

    @invariant()
    def paid_once(self):
        assert self.aws.jobs.paid_twice == []
        assert len(self.aws.jobs.created) == len(set(self.aws.jobs.created))

    @invariant()
    def done_means_done(self):
        assert all(is_usable(self.aws, job, INDEX) for job in self.handed_on)

    @invariant()
    def nothing_left_running(self):
        if self.swept:
            for name, arn in self.aws.jobs.running():
                known = owners(self.aws.jobs.tags(arn), ROOT).of_deployment
                alive = [owner.run_id for owner in known if self.states[owner.run_id] != OVER]
                assert alive, f"{name} runs for nobody"

    @invariant()
    def nobody_stops_the_job_of_a_living_run(self):
        for run, state in self.states.items():
            if state == ALIVE and self.held[run].job.name in self.aws.jobs.stopped:
                raise AssertionError(f"the job of {run} was stopped for another")


class Holding:
    """A job, as ``end`` takes it."""

    def __init__(self, job):
        self.job = job


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(
    max_examples=300,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
