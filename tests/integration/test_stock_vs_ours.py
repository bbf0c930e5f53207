"""The provider's operator and sensor beside ours, on the same local service.

Each test here and in ``test_stock_vs_ours_rows.py`` is a row of ``docs/stock-vs-ours.md``; the last
test holds them together.
"""

import asyncio
import contextlib
import gzip
import importlib.util
import json
import re
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTransformSensor
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.sdk.execution_time import task_runner
from botocore.exceptions import ClientError

from batch_transform.following.trigger import TransformJobTrigger
from batch_transform.operators.janitor import StopOrphansOperator
from batch_transform.operators.transform import TransformOperator
from batch_transform.operators.wait import TransformSensor
from batch_transform.params import run_params
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.extract.manifest import build as build_manifest
from batch_transform.scoring.jobs import request
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.testing import InMemoryMemory
from tests.factories import a_shard, an_index
from tests.integration import test_stock_vs_ours_rows as rows_of_tables
from tests.project import PIPELINES
from tests.unit.airflow.conftest import Supervisor

PROJECT = Path(__file__).parents[2]
RECORDS = gzip.compress(b"1,2\n3,4\n", mtime=0)


class Side:
    """One day's shards, and what both sides need to score them."""

    def __init__(self, aws, name):
        self.aws, self.name, self.memory = aws, name, InMemoryMemory()
        self.sagemaker, self.s3 = aws.client("sagemaker"), aws.client("s3")
        self.s3.create_bucket(Bucket=name)
        self.root = S3Uri(name)
        shard = a_shard("part-00000.csv.gz", RECORDS, records_sha256=name, last_id=(3,))
        index = an_index([shard], pipeline="flight_delay", columns=("flight_id",))
        self.index = str(self.root / "input" / "index.json")
        manifest = build_manifest(self.root / "input", [shard.name])
        for key, body in (
            (f"input/{shard.name}", RECORDS),
            ("input/index.json", index.to_json()),
            ("manifest.json", manifest),
        ):
            self.s3.put_object(Bucket=name, Key=key, Body=body)
        shipped = read_pipeline(PIPELINES / "flight_delay")
        settings = shipped.settings.model_copy(
            update={
                "transform": shipped.settings.transform.model_copy(update={"instance_count": 1})
            }
        )
        self.pipeline = shipped.model_copy(
            update={"name": f"p_{name.replace('-', '_')}", "settings": settings}
        )

    def context(self, attempt="first"):
        ti = SimpleNamespace(
            id=attempt,
            dag_id="d",
            run_id="r",
            task_id="t",
            map_index=-1,
            try_number=1 + (attempt != "first"),
            max_tries=8,
            xcom_push=lambda **_: None,
        )
        task = SimpleNamespace(retries=8)
        memory = {"task_state_store": self.memory}
        about = {"ti": ti, "task_instance": ti, "task": task}
        return {**about, "dag": SimpleNamespace(params=run_params()), "params": {}, **memory}

    def stock(self, **changes):
        reads = request.reading(request.build(self.pipeline.settings), self.root / "manifest.json")
        config = request.writing(reads, self.root / "output")
        settings = {"wait_for_completion": False, "deferrable": False, **changes}
        config |= {"TransformJobName": self.name}
        return SageMakerTransformOperator(task_id="stock", config=config, **settings)

    @property
    def deployment(self):
        return Deployment(root=self.root, poll_seconds=1)

    def ours(self):
        return TransformOperator(
            task_id="ours",
            index=self.index,
            pipeline=self.pipeline,
            deployment=self.deployment,
        )

    def our_sensor(self, job_name):
        return TransformSensor(
            task_id="wait",
            job_name=job_name,
            index=self.index,
            deployment=self.deployment,
            deadline=timedelta(hours=1),
        )

    def order(self, fault, **rule):
        self.aws.control("POST", "faults", {"fault": fault, **rule})

    def jobs(self):
        found = self.sagemaker.list_transform_jobs(NameContains=self.name, MaxResults=100)
        return [each["TransformJobName"] for each in found["TransformJobSummaries"]]

    def start(self):
        """Start a job that our side knows, and return its name."""
        with contextlib.suppress(TaskDeferred, AirflowFailException):
            self.ours().execute(self.context())
        (name,) = set(self.jobs()) - {self.name}
        return name


@pytest.fixture(scope="module")
def aws(sagemaker_local_of_module):
    aws = sagemaker_local_of_module
    aws.containers.register("test/echo:1", [sys.executable, "-m", "sagemaker_local.container"])
    aws.client("sagemaker").create_model(
        ModelName="flight-delay",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/test",
        PrimaryContainer={"Image": "test/echo:1", "Environment": {"TOKEN": "secret"}},
    )
    return aws


@pytest.fixture
def side(aws, request, monkeypatch):
    extra = {"endpoint_url": aws.endpoint_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    supervisor = Supervisor()
    supervisor.states = {"r": {"t": "failed"}}
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    monkeypatch.setattr("batch_transform.following.job_task._AT_FIRST_SECONDS", 0)
    monkeypatch.setattr("batch_transform.following.trigger._SHORTEST_SECONDS", 0)
    yield Side(aws, re.sub("[^a-z]+", "-", request.node.name)[-40:].strip("-"))
    aws.faults.clear()
    aws.limit("ml.m5.large", 100)


def test_a_retry(side):
    """A retry or a clear while the job runs."""
    side.order("frozen", times=3)
    side.stock().execute(side.context())
    side.stock().execute(side.context("second"))
    assert len(side.jobs()) == 2, "paid twice"
    before = len(side.jobs())
    for attempt in ("first", "second"):
        with pytest.raises(TaskDeferred):
            side.ours().execute(side.context(attempt))
    assert len(side.jobs()) - before == 1


def test_a_stopped_job(side):
    """A job that somebody stopped."""
    side.order("frozen")
    name = side.start()
    side.aws.control("POST", f"jobs/{name}/stop")
    _until(side, name, "Stopped")
    assert SageMakerTransformSensor(task_id="s", job_name=name).poke({}) is True
    with pytest.raises(AirflowFailException, match="was stopped before it was over"):
        side.our_sensor(name).poke(side.context())


def test_a_completed_job_without_outputs(side):
    """A job that is Completed and wrote nothing."""
    side.order("no-output")
    name = side.start()
    _until(side, name, "Completed")
    assert SageMakerTransformSensor(task_id="s", job_name=name).poke({}) is True
    with pytest.raises(AirflowFailException, match="1 of 1 shards have no output"):
        side.our_sensor(name).poke(side.context())


def test_a_killed_task(side):
    """A task that is killed while its job runs."""
    side.order("frozen", times=2)
    stock = side.stock()
    stock.execute(side.context())
    stock.on_kill()
    assert _status(side, side.name) == "InProgress"
    ours = side.ours()
    with pytest.raises(TaskDeferred):
        ours.execute(side.context())
    ours.on_kill()
    with pytest.raises(InterruptedError):
        ours.held.stopper.check()
    (name,) = set(side.jobs()) - {side.name}
    assert _status(side, name) in ("Stopping", "Stopped")


def test_a_deferred_task_that_is_marked(side):
    """A deferred task that a person marks failed."""
    side.order("frozen", times=2)
    with pytest.raises(TaskDeferred) as stock:
        side.stock(deferrable=True, wait_for_completion=True).execute(side.context())
    asyncio.run(stock.value.trigger.on_kill())
    assert _status(side, side.name) == "InProgress"
    with pytest.raises(TaskDeferred) as ours:
        side.ours().execute(side.context())
    asyncio.run(ours.value.trigger.on_kill())
    (name,) = set(side.jobs()) - {side.name}
    assert _status(side, name) in ("Stopping", "Stopped")


def test_a_deferred_task_nobody_watches(side):
    """A deferred task is marked while the triggerer is dead."""
    side.order("frozen", times=2)
    with pytest.raises(TaskDeferred):
        side.stock(deferrable=True, wait_for_completion=True).execute(side.context())
    name = side.start()
    janitor = StopOrphansOperator(task_id="stop", deployment=side.deployment)
    assert janitor.execute(side.context()) == [name]
    assert _status(side, side.name) == "InProgress"
    assert _status(side, name) in ("Stopping", "Stopped")


def test_how_long_a_deferred_task_waits(side):
    """A deferred job that takes longer than half an hour."""
    side.order("frozen", times=2)
    with pytest.raises(TaskDeferred) as stock:
        side.stock(deferrable=True, wait_for_completion=True).execute(side.context())
    trigger = stock.value.trigger
    assert trigger.attempts * trigger.waiter_delay == 30 * 60
    with pytest.raises(TaskDeferred) as ours:
        side.ours().execute(side.context())
    assert ours.value.timeout is None
    assert ours.value.trigger.watch.deadline_seconds == 6 * 3600


def test_what_deferring_needs(side):
    """A triggerer without the package aiobotocore."""
    assert importlib.util.find_spec("aiobotocore") is None
    side.order("frozen", times=2)
    with pytest.raises(TaskDeferred) as stock:
        side.stock(deferrable=True, wait_for_completion=True).execute(side.context())
    with pytest.raises(ModuleNotFoundError, match="aiobotocore"):
        asyncio.run(_first(stock.value.trigger))
    with pytest.raises(TaskDeferred) as ours:
        side.ours().execute(side.context())
    (name,) = set(side.jobs()) - {side.name}
    side.aws.control("POST", f"jobs/{name}/stop")
    trigger = TransformJobTrigger(**ours.value.trigger.serialize()[1])
    assert asyncio.run(_first(trigger))["why"] == "the job is Stopped"


def test_a_throttled_look(side):
    """A look at the job that is throttled."""
    side.order("frozen")
    name = side.start()
    side.order("throttle", operation="DescribeTransformJob", times=1000)
    with pytest.raises(ClientError, match="Rate exceeded"):
        SageMakerTransformSensor(
            task_id="s", job_name=name, botocore_config={"retries": {"max_attempts": 1}}
        ).poke({})

    async def look_while_throttled():
        trigger = TransformJobTrigger(_watch(side, name))
        looking = asyncio.create_task(_first(trigger))
        await asyncio.sleep(1)
        assert not looking.done()
        await asyncio.to_thread(side.aws.faults.clear)
        await asyncio.to_thread(side.aws.control, "POST", f"jobs/{name}/stop")
        return await looking

    assert asyncio.run(look_while_throttled())["why"] == "the job is Stopped"


def test_the_accounts_limit(side):
    """A start while the account's limit of instances is reached."""
    side.aws.limit("ml.m5.large", 0)
    with pytest.raises(Exception, match="ResourceLimitExceeded"):
        side.stock().execute(side.context())
    with pytest.raises(TaskDeferred) as ours:
        side.ours().execute(side.context())
    assert ours.value.method_name == "execute_again"


def test_what_an_xcom_holds(side):
    """What the task leaves for later tasks."""
    stock = side.stock(wait_for_completion=True, check_interval=1).execute(side.context())
    assert "secret" in json.dumps(stock, default=str), "the model's environment"
    name = side.start()
    _until(side, name, "Completed")
    ours = side.our_sensor(name).poke(side.context("waiter")).xcom_value
    assert "secret" not in json.dumps(ours)
    assert ours["output"].startswith(str(side.root / "output"))


def test_the_table_has_a_row_for_each_test_and_a_test_for_each_row():
    table = (PROJECT / "docs" / "stock-vs-ours.md").read_text()
    rows = set(re.findall(r"\| `(test_\w+)` \|$", table, re.MULTILINE))
    tests = {name for name in (*globals(), *vars(rows_of_tables)) if name.startswith("test_")}
    assert rows == tests - {"test_the_table_has_a_row_for_each_test_and_a_test_for_each_row"}


def _watch(side, job_name):
    return {
        "job_name": job_name,
        "index": side.index,
        "owner": {"deployment": str(side.root), "dag_id": "d", "run_id": "r", "task_id": "t"},
        "aws_conn_id": "aws_default",
        "deadline_seconds": 3600,
        "poll_seconds": 1,
    }


def _status(side, name):
    return side.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"]


def _until(side, name, status):
    for _ in range(300):
        if _status(side, name) == status:
            return
        time.sleep(0.1)  # the service offers nothing to wait on
    raise AssertionError(f"{name} is not {status}")


async def _first(trigger):
    async for event in trigger.run():
        return event.payload
    raise AssertionError("the trigger gave no event")
