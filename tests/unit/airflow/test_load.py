"""The load task on fakes: what it says and returns, and what it holds a job to."""

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from batch_transform.operators.load import LoadOperator
from batch_transform.scoring.errors import Unreachable
from batch_transform.scoring.extract import manifest, snapshot
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.testing import InMemoryObjects
from batch_transform.scoring.warehouse.files import FilesWarehouse
from batch_transform.scoring.warehouse.protocol import Published, Warehouse
from tests.factories import a_job, a_shard, an_index
from tests.project import PIPELINES
from tests.unit.airflow.conftest import LAYOUT

FLIGHTS = read_pipeline(PIPELINES / "flight_delay").settings.record
ONE, TWO, THREE = (b"%d" % each + b",6" * len(FLIGHTS.features) for each in (1, 2, 3))
BODY = ONE + b"\n" + TWO + b"\n"
LAKE = Target(conn_id="lake", table="s3://bucket/lake", partition_column="flight_date")
READ_AT = datetime(2013, 6, 2, 6, tzinfo=UTC)


class Noted(Warehouse):
    """Notes what is put there."""

    def __init__(self):
        self.loads = []

    def in_force(self, target, partition):
        return None

    def history(self, load, count):
        return []

    def replace(self, load, rows):
        self.loads.append(load)
        return Published(rows=load.entry.rows, changed=True)


@pytest.fixture
def put(world):
    """Leave an extract and its job's output, as the tasks before would."""

    def put(answers=ONE + b",0.25\n" + TWO + b",ERROR\n", sent=BODY):
        shard = a_shard("part-00000.csv.gz", BODY, first_id=(1,), last_id=(2,))
        index = an_index([shard], pipeline="flight_delay", columns=("flight_id",))
        world.objects.put(LAYOUT.index, index.to_json())
        world.objects.put(LAYOUT.input / shard.name, sent)
        world.objects.put(LAYOUT.manifest, manifest.build(LAYOUT.input, [shard.name]))
        world.objects.put(LAYOUT.output / f"{shard.name}.out", answers)
        snapshot.write(LAYOUT, world.objects, READ_AT)
        described = a_job(root=LAYOUT.attempt_root).described
        world.jobs.create(described)

    return put


def a_task(world, warehouse, target=None):
    settings = world.pipeline.settings
    settings = settings.model_copy(update={"target": target or settings.target})
    return LoadOperator(
        task_id="load",
        index=world.index,
        job_name="apples-job",
        coverage=None,
        pipeline=world.pipeline.model_copy(update={"settings": settings}),
        deployment=world.deployment(),
        connect=world.connect,
        lend=lambda *_: nullcontext(warehouse),
    )


def load(world, warehouse, target=None, **params):
    run = SimpleNamespace(run_id="nightly")
    task = a_task(world, warehouse, target)
    return task.execute({**world.context(task_id="load", **params), "dag_run": run})


def test_how_many_are_in_quarantine_is_said_loudly_and_where(world, put, said):
    put()
    warehouse = Noted()
    returned = load(world, warehouse)
    assert (returned["rows"], returned["quarantined"]) == (1, 1)
    loud = said("warning")
    table = "predictions.batch_transform_quarantine"
    assert "1 of 2 records have no prediction" in loud
    assert f"SELECT id, status, reason FROM {table} WHERE target = " in loud
    assert f"{LAYOUT.quarantine}/records.jsonl" in loud
    (one,) = warehouse.loads
    assert (one.entry.quarantined, one.entry.snapshot_at, one.forced) == (1, READ_AT, False)


def test_a_job_that_sagemaker_does_not_know_of_for_a_moment_is_looked_for_again(
    world, put, monkeypatch
):
    put()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(world.jobs, "find", lambda name: None)
        with pytest.raises(Unreachable, match="does not describe the transform job apples-job"):
            load(world, Noted())
    assert load(world, Noted())["rows"] == 1


def test_where_no_task_has_left_a_job_it_says_which_to_clear(world, put):
    put()
    task = a_task(world, Noted())
    task.job_name = None
    run = SimpleNamespace(run_id="nightly")
    with pytest.raises(AirflowFailException, match="clear transform"):
        task.execute({**world.context(task_id="load"), "dag_run": run})


def test_of_a_target_in_s3_the_file_is_named(world, put, said):
    put()
    lake = FilesWarehouse(InMemoryObjects())
    assert load(world, lake, LAKE)["changed"] is True
    assert f"in quarantine: {LAYOUT.quarantine}/records.jsonl" in said("warning")
    assert load(world, lake, LAKE)["changed"] is False
    assert "held this load already" in said("info")


def test_a_run_with_publish_blocked_is_held_to_no_order(world, put):
    put()
    warehouse = Noted()
    load(world, warehouse, publish_blocked=True)
    assert warehouse.loads[0].forced is True


def test_a_job_of_another_extract_fails_the_task_at_once(world, put):
    put(sent=ONE + b"\n" + THREE + b"\n")
    with pytest.raises(AirflowFailException, match="holds other records .* Clear transform"):
        load(world, Noted())


def test_a_partition_that_has_no_record_any_more_is_not_loaded_from_the_job_before(world, put):
    put()
    index = an_index([], pipeline="flight_delay", columns=("flight_id",))
    world.objects.put(LAYOUT.index, index.to_json())
    with pytest.raises(AirflowFailException, match="was sent 1 shards, .* wrote 0"):
        load(world, Noted())


def test_a_load_that_is_killed_stops_what_the_warehouse_runs_by_itself(world, put):
    put()
    warehouse = Noted()
    stopped = []
    warehouse.stop = lambda: stopped.append(True)
    task = a_task(world, warehouse)
    task.on_kill()
    assert stopped == []
    task.execute({**world.context(task_id="load"), "dag_run": SimpleNamespace(run_id="nightly")})
    task.on_kill()
    assert stopped == [True]
