"""Makes the steps of a plan, one run each, and lets each be judged."""

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from tests.chaos.judge import Reader, Verdict, judge, running, unfinished
from tests.chaos.runs import DagRun, RunFailed, sweep
from tests.chaos.traps import JOB_FAULTS, LOCKED, MARKED, STOPPED
from tests.chaos.world import PIPELINES, Day

_LOOK_SECONDS = 0.1
_LOCKED_SECONDS = 1.5
_MORE_JOBS = {MARKED: 1, **{kind: each.more for kind, each in JOB_FAULTS.items()}}
_OPTIONAL = frozenset({"plan", "report"})  # a run does without them, where they are not tried


@dataclass(frozen=True)
class Tried:
    """What became of a step.

    Attributes:
        step: the step.
        verdict: of the judge.
        seconds: from the fault to the end of the run; None where the fault did not strike.
    """

    step: object
    verdict: Verdict
    seconds: float | None


@dataclass
class Trials:
    """Runs, one after the other, over one partition of each pipeline: each has new rows.

    Attributes:
        nursery: makes their attempts.
        clean: how many jobs a run without faults takes, by pipeline.
    """

    nursery: object
    clean: dict = field(default_factory=dict)
    _versions: Counter = field(default_factory=Counter)

    @property
    def world(self):
        """Where they run."""
        return self.nursery.lane.world

    def trace(self, pipelines=tuple(PIPELINES)):
        """Make two clean runs of each pipeline, and return the calls of the second.

        The first makes tables, and leaves a partition that is to be replaced.
        """
        traces, trap = {}, self.nursery.lane.trap
        for name in pipelines:
            for _ in range(2):
                trap.set()
                before = len(self.world.created)
                DagRun(self.nursery, self.next_day(name)).go()
            self.clean[name] = len(self.world.created) - before
            traces[name] = list(trap.calls)
        return traces

    def make(self, step):
        """Make one step."""
        trap, created = self.nursery.lane.trap, self.world.created
        day, before = self.next_day(step.pipeline), len(created)
        reader = Reader(self.world.dsn, day)
        trap.set(step.fault)
        allowed = self.clean[step.pipeline] + _MORE_JOBS.get(step.fault.kind, 0)
        try:
            run, more = self._made(step, day, reader)
            verdict = judge(self.world, run, reader, created[before:], allowed)
            verdict.add(more)
        except RunFailed as error:
            verdict = Verdict(falls=[f"4: the run failed: {error}"], judged=1)
        finally:
            struck_at = trap.struck_at
            trap.set()
            reader.close()
        return Tried(step, verdict, None if struck_at is None else time.monotonic() - struck_at)

    def _made(self, step, day, reader):
        run, more = self._run(step, day), Verdict()
        with reader.reading():
            if step.fault.kind == LOCKED:
                threading.Thread(target=self._lock, args=(day,), daemon=True).start()
            of_job = JOB_FAULTS.get(step.fault.kind)
            if of_job is not None:
                of_job.let(self.world.aws.faults)
            if step.fault.kind == MARKED:
                self.world.aws.faults.freeze()
                more = self._lost(run, reader)
                sweep(self.nursery)
                more.hold(5, running(self.world, day))
            elif of_job is not None and of_job.fails:
                more = self._lost(run, reader)
            if more.judged:
                self.world.aws.faults.clear()
                run = self._run(step, day)
            run.go()
        return run, more

    def _run(self, step, day):
        task = step.fault.point.task.partition(",")[0]
        tried = {task, "plan"} if task == "extract" else {task}  # an extract keeps what was planned
        return DagRun(self.nursery, day, _OPTIONAL - tried)

    def _lost(self, run, reader):
        """Make a run that must fail, and change nothing."""
        verdict = Verdict()
        ends = threading.Event()
        if STOPPED in [fault.kind for fault in self.nursery.lane.trap.faults]:
            threading.Thread(target=self._stop_jobs, args=(run.day, ends), daemon=True).start()
        try:
            run.go()
            verdict.hold(4, "the run succeeded, though its job did not, or its task was marked")
        except RunFailed:
            verdict.hold(4, "")
        ends.set()
        self.nursery.lane.trap.calm()
        seen = reader.states
        verdict.hold(2, f"a run that failed has changed the table: {seen}" if seen[1:] else "")
        return verdict

    def _stop_jobs(self, day, ends):
        """Stop each job of a pipeline, as somebody does in AWS's console."""
        sagemaker = self.world.aws.client("sagemaker")
        while not ends.wait(_LOOK_SECONDS):
            for name in unfinished(self.world, day.pipeline):
                with suppress(sagemaker.exceptions.ClientError):
                    sagemaker.stop_transform_job(TransformJobName=name)

    def _lock(self, day):
        """Hold the target for some seconds once the load begins, as somebody's ALTER TABLE does."""
        while self.nursery.lane.trap.struck_at is None and self.nursery.lane.trap.faults:
            time.sleep(_LOOK_SECONDS / 10)
        with psycopg.connect(self.world.dsn) as connection:
            connection.execute(f"LOCK TABLE predictions.{day.pipeline}")
            time.sleep(_LOCKED_SECONDS)

    def version(self, pipeline):
        """Return the version of the rows that a pipeline's source has now."""
        return self._versions[pipeline] - 1

    def next_day(self, pipeline):
        """Return the partition, with new rows in the source."""
        day = Day(pipeline, 0, self._versions[pipeline])
        self._versions[pipeline] += 1
        self.world.fill(day)
        return day
