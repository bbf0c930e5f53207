"""Runs of one partition on the fakes, and housekeeping between them."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.jobs.look import is_usable
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.jobs.service import COMPLETED, Job
from batch_transform.scoring.jobs.start import JobRequest, Starter, start_or_attach
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.recovery.pieces import layout_of
from batch_transform.scoring.retention.tidy import Housekeeping, tidy
from batch_transform.scoring.testing import FakeAws, InMemoryJobs, InMemoryObjects
from tests.factories import DAY, a_shard, an_entry, an_index
from tests.unit.scoring.conftest import SETTINGS
from tests.unit.scoring.jobs.conftest import REQUEST

ROOT = S3Uri.parse("s3://bucket/runs")
APPLES = Pipeline(
    name="apples",
    folder=Path("apples"),
    settings=PipelineFile.model_validate(SETTINGS),
    query="SELECT 1",
)
KEEP = {"inputs": timedelta(days=10), "outputs": timedelta(days=20), "quarantine": timedelta(30)}
LONGEST_UNSEEN = timedelta(hours=23)  # a run that Airflow cannot be asked about, by hand
TO_RECOVER = "r"  # the content that has a bad record
SHARED = "s"  # the content that two jobs score
CONTENTS = ("a", "b", TO_RECOVER, SHARED)


@dataclass
class Run:
    """A run, as far as it has come."""

    number: int
    content: str
    seen: bool
    began: datetime
    layout: RunLayout = None
    taken_at: datetime = None
    jobs: list[Job] = field(default_factory=list)
    stage: str = "began"
    is_alive: bool = True

    @property
    def is_recovered(self):
        return self.content == TO_RECOVER and len(self.jobs) > 1

    @property
    def layouts(self):
        """Where each job reads and writes, but for those that send records again."""
        return self.layout.of_jobs(2 if self.content == SHARED else 1)


@dataclass
class Attaches(Starter):
    """Attaches to what the tasks attach to."""

    aws: FakeAws
    index: object

    def is_usable(self, job):
        return is_usable(self.aws, job, self.index)

    def check_allowed(self, earlier):
        pass

    def intend(self, name):
        pass


class Ledger:
    """A warehouse of which the entries alone matter."""

    def __init__(self):
        self.entry = None

    def in_force(self, target, partition):
        return self.entry if partition == DAY else None


def index_of(content):
    return an_index([a_shard(records_sha256=content * 8)])


class Housekept:
    """Runs of one partition, and the housekeeping between them."""

    def __init__(self):
        self.now = datetime(2013, 6, 2, tzinfo=UTC)
        objects = InMemoryObjects(now=lambda: self.now)
        self.aws = FakeAws(jobs=InMemoryJobs(), objects=objects)
        self.ledger, self.runs, self.small, self.keep = Ledger(), [], set(), KEEP

    # What happens

    def a_run_ends_well(self, content):
        self.begin(content, seen=True, tasks=4)

    def a_run_begins(self, content, seen, tasks):
        self.begin(content, seen=seen, tasks=tasks)

    def begin(self, content, *, seen, tasks):
        run = Run(len(self.runs), content, seen, self.now)
        self.runs.append(run)
        for _ in range(tasks):
            self.go_on(run)
        return run

    def a_run_goes_on(self, which, steps):
        alive = [run for run in self.runs if run.is_alive]
        if alive:
            run = alive[which % len(alive)]
            for _ in range(steps):
                self.go_on(run)

    def go_on(self, run):
        """Do the next task; a missing object is an error, and fails the test."""
        tasks = {
            "began": self.extract,
            "extracted": self.transform,
            "transformed": self.recover,
            "recovered": self.load,
        }
        if run.is_alive:
            tasks[run.stage](run)

    def extract(self, run):
        run.layout = RunLayout.of(ROOT, "apples", DAY.isoformat(), f"try-{run.number:03}")
        objects, run.taken_at = self.aws.objects, self.now
        for layout in run.layouts:
            self.send(run, layout)
            self.small.add(layout.manifest)
        objects.put(run.layout.index, index_of(run.content).to_json())
        snapshot.write(run.layout, objects, run.taken_at)
        self.small |= {run.layout.index, run.layout.snapshot}
        run.stage = "extracted"

    def send(self, run, layout):
        self.aws.objects.put(layout.manifest, b"[]")
        for shard in index_of(run.content).shards:
            self.aws.objects.put(layout.input / shard.name, run.content.encode())

    def transform(self, run):
        run.jobs = self.wanted(run)
        run.stage = "transformed"

    def wanted(self, run):
        """Start the jobs of a run, or attach to them."""
        return [
            self.job_of(run, layout, f"{number:x}" + run.content * 63)
            for number, layout in enumerate(run.layouts)
        ]

    def recover(self, run):
        if run.content == TO_RECOVER:
            layout = RunLayout(attempt_root=run.layout.attempt_root / f"recover/{run.number}/round")
            self.send(run, layout)
            run.jobs = [run.jobs[0], self.job_of(run, layout, "f" * 64)]
            self.aws.objects.put(run.layout.quarantine / "records.jsonl", b"{}")
        run.stage = "recovered"

    def job_of(self, run, layout, digest):
        manifest = {"S3DataSource": {"S3Uri": str(layout.manifest)}}
        request = {**REQUEST, "TransformInput": {"DataSource": manifest}}
        wanted = JobRequest(
            pipeline="apples",
            partition=DAY.isoformat(),
            digest=digest,
            request=request,
            output=layout.output,
            instance_types=("ml.m5.large",),
            owner=Owner(
                deployment=str(ROOT), dag_id="apples", run_id=str(run.number), task_id="transform"
            ),
        )
        index = index_of(run.content)
        job = start_or_attach(self.aws.jobs, wanted, Attaches(self.aws, index)).job
        if job.status != COMPLETED:
            for shard in index.shards:
                self.aws.objects.put(job.output / f"{shard.name}.out", b"1")
            self.aws.jobs.end(job.name, COMPLETED)
        return self.aws.jobs.find(job.name)

    def load(self, run):
        names = [job.name for job in run.jobs]
        for job in run.jobs:
            self.read(job, run)
        entry = an_entry(
            digest="+".join(names),
            run_id=str(run.number),
            job_name=names[0],
            transform_jobs=len(names),
            snapshot_at=run.taken_at,
            quarantine=str(run.layout.quarantine / "records.jsonl") if run.is_recovered else "",
        )
        before = self.ledger.entry
        if before is None or before.digest == entry.digest or before.snapshot_at <= run.taken_at:
            newest = max([run.taken_at, *([before.snapshot_at] if before else [])])
            self.ledger.entry = replace(entry, snapshot_at=newest)
            told = {"entry": json.loads(entry.to_json()), "jobs": names}
            self.aws.objects.put(run.layout.loaded, json.dumps(told).encode())
            self.small.add(run.layout.loaded)
        run.stage, run.is_alive = "loaded", False

    def read(self, job, run):
        """Read what a load reads of a job: what it was sent, and its outputs."""
        objects, sent = self.aws.objects, layout_of(job)
        objects.get(sent.manifest)
        for shard in index_of(run.content).shards:
            objects.get(sent.input / shard.name)
            objects.get(job.output / f"{shard.name}.out")

    def a_run_fails(self, which):
        alive = [run for run in self.runs if run.is_alive]
        if alive:
            alive[which % len(alive)].is_alive = False

    def a_failed_run_is_cleared(self, which):
        """From its transform task on; housekeeping cannot know of it while it waits for that."""
        failed = [run for run in self.runs if self.may_be_loaded(run)]
        if failed:
            run = failed[which % len(failed)]
            run.is_alive, run.seen, run.began = True, True, self.now
            if run.stage != "began":
                run.stage = "extracted"

    def may_be_loaded(self, run):
        entry = self.ledger.entry
        is_failed = run.seen and not run.is_alive and run.stage != "loaded" and run.taken_at
        return is_failed and (entry is None or run.taken_at >= entry.snapshot_at)

    def time_passes_and_it_is_tidied(self, days, hours):
        self.pass_time(timedelta(days=days, hours=hours))
        self.it_is_tidied()

    def hours_pass(self, hours):
        self.pass_time(timedelta(hours=hours))

    def pass_time(self, time):
        self.now += time
        for run in self.runs:
            if not run.seen and self.now - run.began > LONGEST_UNSEEN:
                run.is_alive = False

    def it_is_tidied(self):
        is_at_work = any(run.is_alive and run.seen for run in self.runs)
        return tidy(self.housekeeping(lambda: is_at_work))

    def housekeeping(self, is_at_work):
        return Housekeeping(
            pipeline=APPLES,
            root=ROOT,
            objects=self.aws.objects,
            jobs=self.aws.jobs,
            warehouse=self.ledger,
            keep=self.keep,
            is_at_work=is_at_work,
        )

    # What must hold after it

    def a_run_over_the_data_in_force_pays_nothing_and_finds_all(self):
        entry = self.ledger.entry
        if entry is None:
            return
        run = next(run for run in self.runs if str(run.number) == entry.run_id)
        paid = list(self.aws.jobs.created)
        again = self.wanted(run)
        if run.is_recovered:
            self.aws.objects.get(S3Uri.parse(entry.quarantine))
            again.append(self.job_of(run, run.layout, "f" * 64))
        assert [job.name for job in again] == [job.name for job in run.jobs]
        assert self.aws.jobs.created == paid
        for job in run.jobs:
            self.read(job, run)
        assert "inputs" in self.left(run), "it may be cleared from any task"

    def what_reports_are_made_of_stays(self):
        assert self.small <= self.aws.objects.content.keys()

    def check(self):
        self.a_run_over_the_data_in_force_pays_nothing_and_finds_all()
        self.what_reports_are_made_of_stays()

    def left(self, run):
        """The kinds that are left of what a run has left."""
        kinds = map(run.layout.bulk_kind, self.aws.objects.keys(run.layout.attempt_root))
        return set(filter(None, kinds))

    def it_ends(self):
        """Let everything end, the last data be published, and time pass: the rest is gone."""
        for run in self.runs:
            run.is_alive = False
        self.now += timedelta(hours=1)
        last = self.begin("z", seen=True, tasks=4)
        assert self.ledger.entry.run_id == str(last.number)
        for days in (100, 2, 2):
            self.now += timedelta(days=days)
            self.it_is_tidied()
        assert self.left(last) == {"inputs", "outputs"}
        assert [run.number for run in self.runs[:-1] if run.layout and self.left(run)] == []
        self.check()
