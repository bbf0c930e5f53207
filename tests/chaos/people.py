"""What people do around a run: clear its tasks, mark them, change or delete what it reads."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg

from tests.chaos.judge import Reader, Verdict, judge, seen_now
from tests.chaos.runs import DagRun, RunFailed
from tests.chaos.world import make_model

CLEARED = "cleared when all is done"
CLEARED_ON = "cleared with what follows"
MARKED = "marked success unbegun"


def _another_version(trials, day):
    """Change the source's rows."""
    trials.next_day(day.pipeline)


def _another_column(trials, day):
    """Add a column to the target."""
    name = f"note_{day.version}"
    with psycopg.connect(trials.world.dsn) as connection:
        connection.execute(f"ALTER TABLE predictions.{day.pipeline} ADD COLUMN {name} text")


def _another_model(trials, _day):
    """Make the model anew."""
    trials.world.aws.client("sagemaker").delete_model(ModelName="fruit")
    make_model(trials.world.aws, trials.world.image)


def _deleted(place):
    """Return what deletes objects at a place of a partition's runs, as a lifecycle rule does."""

    def delete(trials, day):
        s3 = trials.world.aws.client("s3")
        listed = s3.list_objects_v2(Bucket="runs", Prefix=f"nightly/{day.pipeline}/{day.label}/")
        keys = [each["Key"] for each in listed.get("Contents", []) if place in each["Key"]]
        for key in keys:
            s3.delete_object(Bucket="runs", Key=key)

    return delete


@dataclass(frozen=True)
class Change:
    """Something that is changed in the middle of a run.

    Attributes:
        make: changes it.
        more: how many more jobs there may be.
    """

    make: Callable
    more: int = 0


CHANGES = {
    "the source's rows change": Change(_another_version, 1),
    "the target gets a column": Change(_another_column),
    "the model is made anew": Change(_another_model, 1),
    "the shards are deleted": Change(_deleted("/input/"), 1),
    "the outputs are deleted": Change(_deleted("/output/"), 1),
    "the manifest is deleted": Change(_deleted("/manifest.json"), 1),
}
KINDS = (CLEARED, CLEARED_ON, MARKED, *CHANGES)


@dataclass(frozen=True)
class Act:
    """What somebody does, and when: to a task, or just before it begins."""

    pipeline: str
    task: str
    kind: str

    def __str__(self):
        return f"{self.pipeline}.{self.task}, {self.kind}"


def acts(dags, pipelines):
    """Yield each act upon each task."""
    for kind in KINDS:
        for name in pipelines:
            yield from (Act(name, task["task"], kind) for task in dags[name])


@dataclass
class People:
    """Lets people act upon runs, and judges what came of it.

    Attributes:
        trials: knows the partitions, and what a clean run costs.
    """

    trials: object

    @property
    def world(self):
        """Where it happens."""
        return self.trials.world

    def make(self, act):
        """Let one act be done; return the verdict."""
        day, before = self.trials.next_day(act.pipeline), len(self.world.created)
        self.trials.nursery.lane.trap.set()
        reader = Reader(self.world.dsn, day)
        try:
            if act.kind in (CLEARED, CLEARED_ON):
                run, verdict = self._clear(act, day, reader), Verdict()
            else:
                run, verdict = self._changed(act, day, reader)
            paid = self.world.created[before:]
            verdict.add(judge(self.world, run, reader, paid, self._allowed(act, day)))
        except RunFailed as error:
            verdict = Verdict(falls=[f"4: the run failed: {error}"], judged=1)
        finally:
            reader.close()
        return verdict

    def _allowed(self, act, day):
        """Who clears the task of a job that failed gets another job, and its rounds."""
        change = CHANGES.get(act.kind)
        is_anew = act.kind in (CLEARED, CLEARED_ON) and bool(day.quarantined)
        return self.trials.clean[act.pipeline] * (1 + (change.more if change else is_anew))

    def _clear(self, act, day, reader):
        """Clear tasks of a run that has ended."""
        run = DagRun(self.trials.nursery, day)
        run.go()
        with reader.reading():
            run.clear(act.task, with_later=act.kind == CLEARED_ON)
        return run

    def _changed(self, act, day, reader):
        """Change something before a task; where the run comes to nothing, another one must do."""
        run, verdict = self._run(act, day), Verdict()
        with reader.reading():
            try:
                run.go()
                is_done = act.kind != MARKED
            except RunFailed:
                is_done = False
            run.day, seen = self._scored(day), reader.look()
            if not is_done and seen.problem(run.day):
                same = seen == reader.states[0]
                verdict.hold(2, "" if same else f"a run that came to nothing left {seen}")
                run = DagRun(self.trials.nursery, self._latest(day))
                run.go()
        return run, verdict

    def _run(self, act, day):
        change = CHANGES.get(act.kind)

        def meanwhile(task):
            if change and task == act.task:
                change.make(self.trials, day)

        marked = {act.task} if act.kind == MARKED else set()
        return DagRun(self.trials.nursery, day, marked=marked, meanwhile=meanwhile)

    def _latest(self, day):
        return replace(day, version=self.trials.version(day.pipeline))

    def _scored(self, day):
        """Return the version of the rows that the table shows; they may have changed too late."""
        seen, latest = seen_now(self.world, day), self._latest(day)
        return latest if seen.problem(day) else day
