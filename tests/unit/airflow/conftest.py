"""Operators on fakes: SageMaker, S3 and Airflow's own services in memory."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time import task_runner

from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.testing import (
    InMemoryJobs,
    InMemoryLogs,
    InMemoryMemory,
    InMemoryModels,
    InMemoryObjects,
)
from tests.factories import a_shard, an_index
from tests.project import PIPELINES

ROOT = S3Uri.parse("s3://bucket/runs")
LAYOUT = ROOT / "flight_delay" / "2013-06-01" / "attempt"
PLACES = request.JobPlaces(manifest=str(LAYOUT / "manifest.json"), output=str(LAYOUT / "output"))
SHARDS = tuple(a_shard(f"part-{number:05d}.csv.gz", records_sha256="aa") for number in range(2))


class Supervisor:
    """What a task asks of Airflow: it keeps XComs, and knows the states of tasks."""

    def __init__(self):
        self.xcoms = {}
        self.states = {}

    def send(self, message):
        kind = type(message).__name__
        if kind == "SetXCom":
            self.xcoms[message.task_id, message.key] = message.value
            return None
        if kind == "GetTaskStates":
            return SimpleNamespace(task_states=self.states)
        raise AssertionError(f"the tasks do not ask for {kind}")


class World:
    """Everything around the operators."""

    def __init__(self):
        self.jobs, self.objects = InMemoryJobs(now=datetime.now(UTC)), InMemoryObjects()
        self.models, self.logs = InMemoryModels(), InMemoryLogs()
        self.models.described["flight-delay"] = {"PrimaryContainer": {"Image": "trees:1"}}
        self.memories, self.supervisor = {}, Supervisor()
        index = an_index(SHARDS, pipeline="flight_delay", columns=("flight_id",))
        self.index = str(LAYOUT / "input" / "index.json")
        self.objects.put(S3Uri.parse(self.index), index.to_json())
        self.pipeline = read_pipeline(PIPELINES / "flight_delay")

    @property
    def services(self):
        return Services(jobs=self.jobs, objects=self.objects, logs=self.logs)

    def deployment(self, **changes):
        return Deployment(root=ROOT, poll_seconds=1, **changes)

    def context(self, attempt="first", task_id="transform", run="nightly", **params):
        memory = self.memories.setdefault((run, task_id), InMemoryMemory())
        ti = SimpleNamespace(id=attempt, dag_id="flight_delay", run_id=run, task_id=task_id)
        return {"ti": ti, "task_state_store": memory, "params": params}

    def write_outputs(self, *numbers):
        for number in numbers:
            self.objects.put(LAYOUT / "output" / f"{SHARDS[number].name}.out", b"1")


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", world.supervisor, raising=False)
    for module in ("following.attempt.transform_services",):
        monkeypatch.setattr(f"batch_transform.{module}", lambda conn_id: world.services)
    for module in ("following.stopping.transform_jobs", "operators.wait.transform_jobs"):
        monkeypatch.setattr(f"batch_transform.{module}", lambda conn_id, **_: world.jobs)
    monkeypatch.setattr(
        "batch_transform.operators.transform.sagemaker_models", lambda _: world.models
    )
    monkeypatch.setattr("batch_transform.following.follower._AT_FIRST_SECONDS", 0)
    monkeypatch.setattr("batch_transform.following.trigger._SHORTEST_SECONDS", 0)
    monkeypatch.setattr("batch_transform.following.stopping._HEIR_SECONDS", 0.2)
    monkeypatch.setattr("batch_transform.following.stopping._WORKER_SECONDS", 0.2)
    monkeypatch.setattr("batch_transform.following.stopping._LOOK_SECONDS", 0.05)
    return world
