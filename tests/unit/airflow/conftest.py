"""Operators on fakes: SageMaker, S3 and Airflow's own services in memory."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time import task_runner

from batch_transform.following.trigger import TransformJobTrigger
from batch_transform.params import run_params
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.testing import FakeAws, InMemoryJobs, InMemoryMemory
from tests.factories import a_shard, an_index
from tests.project import PIPELINES

ROOT = S3Uri.parse("s3://bucket/runs")
LAYOUT = RunLayout(attempt_root=ROOT / "flight_delay" / "2013-06-01" / "attempt")
SHARDS = tuple(a_shard(f"part-{number:05d}.csv.gz", records_sha256="aa") for number in range(2))
NIGHTLY = "nightly"
DAY = "2013-06-01"


class Supervisor:
    """What a task asks of Airflow: it keeps XComs, and knows the states of tasks and runs."""

    def __init__(self):
        self.xcoms = {}
        self.states = {}  # of tasks, by run
        self.runs_over = set()
        self.crumbs = []  # of tasks that are over

    def send(self, message):
        kind = type(message).__name__
        if kind == "SetXCom":
            self.xcoms[message.task_id, message.key] = message.value
            return None
        if kind == "GetTaskStates":
            return SimpleNamespace(task_states=self.states)
        if kind == "GetDRCount":
            return SimpleNamespace(count=len(set(message.run_ids) - self.runs_over))
        if kind == "GetTaskBreadcrumbs":
            return SimpleNamespace(breadcrumbs=iter(self.crumbs))
        raise AssertionError(f"the tasks do not ask for {kind}")


class World:
    """Everything around the operators."""

    def __init__(self):
        self.aws = FakeAws(jobs=InMemoryJobs(now=datetime.now(UTC)))
        self.jobs, self.objects = self.aws.jobs, self.aws.objects
        self.models, self.logs = self.aws.models, self.aws.logs
        self.models.described["flight-delay"] = {"PrimaryContainer": {"Image": "trees:1"}}
        self.memories, self.tries, self.supervisor = {}, {}, Supervisor()
        index = an_index(SHARDS, pipeline="flight_delay", columns=("flight_id",))
        self.index = str(LAYOUT.index)
        self.objects.put(LAYOUT.index, index.to_json())
        self.pipeline = read_pipeline(PIPELINES / "flight_delay")

    def connect(self, conn_id):
        """What operators connect with."""
        return self.aws

    def deployment(self, **changes):
        return Deployment(root=ROOT, poll_seconds=1, **changes)

    def context(self, attempt="first", task_id="transform", run=NIGHTLY, **params):
        """The context of an attempt: each new name of one is the next try."""
        memory = self.memories.setdefault((run, task_id), InMemoryMemory())
        tries = self.tries.setdefault((run, task_id), [])
        if attempt not in tries:
            tries.append(attempt)
        ti = SimpleNamespace(
            id=attempt,
            dag_id="flight_delay",
            run_id=run,
            task_id=task_id,
            map_index=-1,
            try_number=tries.index(attempt) + 1,
            max_tries=params.pop("max_tries", 8),
            xcom_push=lambda key, value: self.supervisor.xcoms.update({(task_id, key): value}),
        )
        task = SimpleNamespace(retries=8)
        dag = SimpleNamespace(params=run_params())
        dag_run = SimpleNamespace(
            run_id=run,
            conf=params,
            partition_key=None,
            logical_date=None,
            run_type=SimpleNamespace(value="manual"),
            run_after=datetime(2013, 7, 10, 12, tzinfo=UTC),
        )
        return {
            "ti": ti,
            "task": task,
            "task_state_store": memory,
            "params": params,
            "dag": dag,
            "dag_run": dag_run,
        }

    def mark(self, state, task_id="transform", run=NIGHTLY):
        """A person marks a task; None: clears it."""
        self.supervisor.states.setdefault(run, {})[task_id] = state

    def write_outputs(self, *numbers):
        """Write outputs of the first job's shards."""
        output = next(iter(self.jobs.all())).output
        self.objects.put(LAYOUT.manifest, b"[]")
        for number in numbers:
            self.objects.put(LAYOUT.input / SHARDS[number].name, b"1")
            self.objects.put(output / f"{SHARDS[number].name}.out", b"1")


@pytest.fixture
def said(capsys):
    """What the log says at a level, as if its lines were not wrapped."""

    def said(level):
        lines = re.findall(rf"\[{level} *\] (.*?) +\[", capsys.readouterr().out)
        return " ".join(lines)

    return said


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", world.supervisor, raising=False)
    monkeypatch.setattr(TransformJobTrigger.__mro__[1], "connect", staticmethod(world.connect))
    monkeypatch.setattr("batch_transform.following.job_task._AT_FIRST_SECONDS", 0)
    monkeypatch.setattr("batch_transform.following.trigger._SHORTEST_SECONDS", 0)
    return world
