"""Whatever the mix of crash, clear, lost statement and changed data, from unload to publish.

Whole or not at all: the target has the rows of one snapshot, all of them, and the ledger says so.
Newer wins: what is in force is never older than what was. Paid once: equal rows, unloaded into
whatever files, are one job. Nothing left running: a run has one statement at most, and none in the
end. And after whatever has happened, a run that is let alone publishes what its snapshot had.
"""

import tempfile
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from batch_transform.scoring.errors import SourceError, Superseded
from batch_transform.scoring.extract import manifest, snapshot
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.names import RunLayout, S3Uri, output_name
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.publish.groups import prove_group, publish
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.unloaded.engine import Question
from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource
from batch_transform.scoring.testing import InMemoryEngine, InMemoryObjects
from batch_transform.scoring.warehouse.files import FilesWarehouse
from tests.contract.warehouse.loads import a_load
from tests.factories import DAY, a_job
from tests.unit.scoring.conftest import make_pipeline

ROOT = S3Uri("bucket", "runs")
TARGET = {"conn_id": "lake", "table": "s3://bucket/lake/apples", "partition_column": "picked_on"}
BOUNDS = {"min": 0, "max": 10_000}
PIPELINE = make_pipeline.__wrapped__()(
    extract={"slices": 2},
    load={"groups": 2},
    target=TARGET,
    predictions={"sweetness": {"at": -1, **BOUNDS}},
    checks={"empty": {"level": "off"}},
)
PARTITION = Partition(day=DAY, timezone="UTC")
RUNS = ("nightly", "backfill")
# The ids of what the source may have; weights differ, so that equal ids are not equal rows.
DATA = {"first": [5, 2, 9, 4], "second": [5, 2, 9, 4, 7], "one slice": [2, 4], "none": []}
TASKS = (
    *("unload", "wait_for_rows", "extract_0", "extract_1", "join_slices", "transform"),
    *("reconcile_0", "reconcile_1", "publish"),
)
EPOCH = datetime(2013, 6, 2, tzinfo=UTC)


class WorkerKilledError(BaseException):
    """kill -9."""


class Objects(InMemoryObjects):
    """A store that kills who writes to it, before or after a write that is chosen."""

    writes_left = None
    is_done = False

    def put(self, uri, body):
        if self.writes_left == 0 and not self.is_done:
            self.writes_left = None
            raise WorkerKilledError
        super().put(uri, body)
        if self.writes_left == 0:
            self.writes_left = None
            raise WorkerKilledError
        if self.writes_left:
            self.writes_left -= 1


def weight(data, apple):
    return apple + 100 * list(DATA).index(data)


def table_of(data):
    ids = DATA[data]
    weights = [weight(data, apple) / 8 for apple in ids]
    colours = ["red"] * len(ids)
    types = (pa.int64(), pa.float64(), pa.string())
    columns = (
        pa.array(each, kind) for each, kind in zip((ids, weights, colours), types, strict=True)
    )
    return pa.table(dict(zip(("apple_id", "weight", "colour"), columns, strict=True)))


def rows_of(data):
    return sorted((apple, float(weight(data, apple))) for apple in DATA[data])


@dataclass
class Run:
    """What the tasks of a run have handed on, and which of them is next."""

    name: str
    next: int = 0
    left: dict = field(default_factory=dict)


class Publishing:
    """Two runs of a partition, task after task."""

    def __init__(self):
        self.objects, self.ticks, self.attempts = Objects(), count(), count()
        self.data, self.found = "first", {}
        self.engine = InMemoryEngine(self.objects, table_of(self.data), looks=1, now=self.now)
        self.lake, self.newest = FilesWarehouse(self.objects), None
        self.runs = {name: Run(name) for name in RUNS}
        self.jobs, self.contents = {}, set()

    def now(self):
        return EPOCH + timedelta(seconds=next(self.ticks))

    def data_change(self, data):
        self.data, self.engine.table = data, table_of(data)

    def work(self, name, task, killed):
        """The tasks of a run up to one, which may be killed at one of its writes.

        If that one is done already, it is cleared, with those after it.
        """
        run, last = self.runs[name], TASKS.index(task)
        run.next = min(run.next, last)
        self.until(run, last)
        if killed:
            self.objects.writes_left, self.objects.is_done = killed
        with suppress(WorkerKilledError):
            self.task(run)
        self.objects.writes_left = None

    def statements_are_lost(self):
        for handle in list(self.engine.running):
            self.engine.stop(handle)

    def is_let_alone(self, name):
        """Whatever has happened, a run comes to its end."""
        self.until(self.runs[name], len(TASKS))

    def until(self, run, place):
        for _ in range(3 * len(TASKS)):
            if run.next == place:
                return
            self.task(run)
        raise AssertionError(f"{run.name} does not come to {place}: it is at {run.next}")

    def task(self, run):
        """Do the task that is next, and go on to the one after it if it is done."""
        name = TASKS[run.next]
        kind, _, number = name.rpartition("_")
        layout = RunLayout.of(ROOT, "apples", PARTITION.label, f"{run.name}-{next(self.attempts)}")
        if number.isdigit():
            run.left[name] = getattr(self, kind)(run, layout, int(number))
        else:
            run.left[name] = getattr(self, name)(run, layout)
        if run.left[name] is not None:
            run.next += 1

    def unload(self, run, layout):
        question = Question(
            pipeline=PIPELINE, partition=PARTITION, parts=slices(PIPELINE.settings.extract)
        )
        handle = self.engine.begin(question, layout.unload, run.name)
        self.found[handle] = self.data
        return handle, layout

    def wait_for_rows(self, run, _):
        handle, layout = run.left["unload"]
        try:
            unloaded = self.engine.look(handle)
        except SourceError:  # the task is tried again, from its beginning
            run.next = 0
            return None
        if unloaded is None:
            return None
        self.objects.put(layout.unloaded, unloaded.to_json())
        return layout.unloaded

    def extract(self, run, layout, number):
        part = slices(PIPELINE.settings.extract)[number]
        source = UnloadedSource(self.objects, run.left["wait_for_rows"], part)
        extract(PIPELINE, PARTITION, source, self.objects, layout)
        return str(layout.index)

    def join_slices(self, run, layout):
        indexes = [run.left[f"extract_{number}"] for number in range(2)]
        return join(PIPELINE, indexes, self.objects, layout), layout

    def transform(self, run, _):
        """Attach to the job of equal records, or start one, which is done at once."""
        index, layout = run.left["join_slices"]
        content = tuple(shard.records_sha256 for shard in index.shards)
        if not content:
            return ()
        self.contents.add(content)
        names = [shard.name for shard in index.shards]
        self.objects.put(layout.manifest, manifest.build(layout.input, names))
        if content not in self.jobs:
            root = f"s3://{layout.manifest.bucket}/{layout.manifest.key.rpartition('/')[0]}"
            job = a_job(f"job-{len(self.jobs)}", root)
            for name in names:
                lines = self.objects.get(layout.input / name).decode().splitlines()
                scored = [f"{line},{float(line.split(',')[1]) * 8}\n" for line in lines]
                target = S3Uri.parse(f"{root}/output") / output_name(name)
                self.objects.content[target] = "".join(scored).encode()
                self.objects.stored_at[target] = EPOCH
            self.jobs[content] = job
        return (self.jobs[content],)

    def load_run(self, run):
        index, layout = run.left["join_slices"]
        (*jobs,) = run.left["transform"]
        return LoadRun(
            pipeline=PIPELINE,
            index=index,
            coverage=covered(index, jobs[0], self.objects) if jobs else Coverage(parts=()),
            quarantine=layout.quarantine,
            job=jobs[0] if jobs else None,
            run_id=run.name,
            snapshot_at=snapshot.read(layout, self.objects),
        )

    def reconcile(self, run, layout, number):
        return prove_group(self.load_run(run), (number, 2), self.objects, layout.rows)

    def publish(self, run, _):
        proven = [run.left[f"reconcile_{number}"] for number in range(2)]
        mine = self.found[run.left["unload"][0]]
        try:
            publish(self.load_run(run), proven, self.objects, lambda: nullcontext(self.lake))
        except Superseded:
            return "superseded"
        assert self.visible() == rows_of(mine)
        return "published"

    def visible(self):
        """What a reader sees; None before anything was published."""
        load = a_load(PIPELINE.settings.target, DAY, [])
        with tempfile.TemporaryDirectory() as folder:
            held = self.lake.held(load, Path(folder))
            tables = [parquet.read_table(path) for path in held.paths] if held else []
        return sorted(tuple(row.values()) for table in tables for row in table.to_pylist())

    def check(self):
        self.whole_or_not_at_all()
        self.newer_wins()
        self.paid_once()
        self.nothing_left_running()

    def whole_or_not_at_all(self):
        entry = self.lake.in_force(PIPELINE.settings.target, DAY)
        rows = self.visible()
        if entry is None:
            assert rows == []
            return
        assert entry.rows == len(rows)
        assert rows in [rows_of(data) for data in DATA]

    def newer_wins(self):
        entry = self.lake.in_force(PIPELINE.settings.target, DAY)
        if entry is not None:
            assert self.newest is None or entry.snapshot_at >= self.newest
            self.newest = entry.snapshot_at

    def paid_once(self):
        assert set(self.jobs) == self.contents
        assert len({job.name for job in self.jobs.values()}) == len(self.jobs)

    def nothing_left_running(self):
        running = list(self.engine.running.values())
        for name, run in self.runs.items():
            assert running.count(name) <= 1
            if run.next > TASKS.index("wait_for_rows"):
                assert name not in running


names = st.sampled_from(RUNS)
tasks = st.sampled_from([*TASKS, "publish", "publish", "publish"])
kills = st.none() | st.tuples(st.integers(0, 3), st.booleans())
STEPS = st.one_of(
    st.tuples(st.just(Publishing.work), names, tasks, kills),
    st.tuples(st.just(Publishing.work), names, tasks, kills),
    st.tuples(st.just(Publishing.data_change), st.sampled_from(sorted(DATA))),
    st.tuples(st.just(Publishing.is_let_alone), names),
    st.tuples(st.just(Publishing.statements_are_lost)),
)


# A step takes long enough for shrinking to take minutes.
@settings(max_examples=16, deadline=None, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(st.lists(STEPS, min_size=8, max_size=16))
def test_whatever_happens_to_two_runs_of_a_partition(steps):
    world = Publishing()
    for step, *details in steps:
        step(world, *details)
        world.check()
