"""The DAG and the tasks of housekeeping."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from batch_transform import dag as module
from batch_transform.operators.housekeeping import TidyOperator
from batch_transform.scoring.errors import SettingsError
from batch_transform.scoring.names import RunLayout
from batch_transform.upkeep import HOUSEKEEPING, JANITOR
from tests.factories import DAY, an_entry
from tests.project import PIPELINES
from tests.unit.airflow.conftest import LAYOUT, ROOT

KEEP = {"inputs": timedelta(days=10), "outputs": timedelta(days=20)}


class Ledger:
    def in_force(self, target, partition):
        return an_entry(job_name="", transform_jobs=0) if partition == DAY else None


def task_of(world, **changes):
    """The task of a pass today, years after all was stored."""
    world.objects.now = lambda: datetime.now(UTC)
    return TidyOperator(
        task_id="flight_delay",
        pipeline=world.pipeline,
        deployment=world.deployment(keep=KEEP),
        connect=world.connect,
        lend=lambda target: nullcontext(Ledger()),
        **changes,
    )


def tidied(world, *, at_work=False):
    of_this = at_work and "flight_delay"
    return task_of(world, at_work=lambda dag_id: dag_id == of_this).execute({})


@pytest.fixture
def old(world):
    """What a run left that has loaded, and that a later one has taken the place of."""
    world.objects.now = lambda: DAY_AFTER
    for uri in (LAYOUT.input / "part-00000.csv.gz", LAYOUT.output / "g1" / "part-00000.csv.gz.out"):
        world.objects.put(uri, b"x")
    world.objects.put(LAYOUT.index, world.objects.get(LAYOUT.index))
    world.objects.put(LAYOUT.loaded, b'{"entry": {"digest": "an older load"}}')
    return LAYOUT


DAY_AFTER = an_entry().loaded_at


def test_a_pass_deletes_what_is_old_and_says_what(world, old, capsys):
    assert tidied(world) == {
        "deleted": {"inputs": 1, "outputs": 1},
        "retired": 0,
        "broken_off": False,
    }
    assert set(world.objects.keys(ROOT)) == {old.index, old.loaded}
    assert "Deleted 1 inputs, 1 outputs; retired 0 jobs" in capsys.readouterr().out


def test_a_job_is_retired_a_day_before(world, old):
    world.objects.put(RunLayout(attempt_root=old.attempt_root).manifest, b"[]")
    assert tidied(world) == {"deleted": {}, "retired": 1, "broken_off": False}


def test_a_pipeline_of_which_a_run_is_at_work_is_left_alone(world, old, capsys):
    before = set(world.objects.keys(ROOT))
    assert tidied(world, at_work=True)["broken_off"]
    assert set(world.objects.keys(ROOT)) == before
    assert "A run of flight_delay is at work" in capsys.readouterr().out


def test_airflow_is_asked_about_the_runs_of_the_pipelines_dag(world, old, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "batch_transform.following.liveness.RuntimeTaskInstance.get_dr_count",
        staticmethod(lambda **question: asked.append(question) or 1),
    )
    assert task_of(world).execute({})["broken_off"]
    assert asked == [{"dag_id": "flight_delay", "states": ["queued", "running"]}]


def declared():
    namespace = {}
    module.declare(namespace, pipelines=PIPELINES)
    return {dag.dag_id: dag for dag in namespace.values()}


def test_the_dag_is_there_where_days_are_set_and_has_a_task_for_each_pipeline(monkeypatch):
    monkeypatch.setenv("BATCH_TRANSFORM_S3_URI", str(ROOT))
    assert HOUSEKEEPING not in declared()
    monkeypatch.setenv("BATCH_TRANSFORM_KEEP_DAYS", "inputs=30, quarantine=365")
    dags = declared()
    assert JANITOR in dags
    dag = dags[HOUSEKEEPING]
    assert set(dag.task_ids) == {"flight_delay", "support_sentiment"}
    (task, _) = dag.tasks
    assert task.deployment.keep == {
        "inputs": timedelta(days=30),
        "quarantine": timedelta(days=365),
    }
    assert (dag.max_active_runs, dag.catchup, task.retries) == (1, False, 1)


@pytest.mark.parametrize(
    "text", ["30", "inputs", "inputs=0", "inputs=36500", "input=3", "inputs=x", "inputs=1.5"]
)
def test_days_that_cannot_be_read_are_an_error_that_shows_how(monkeypatch, text):
    monkeypatch.setenv("BATCH_TRANSFORM_S3_URI", str(ROOT))
    monkeypatch.setenv("BATCH_TRANSFORM_KEEP_DAYS", text)
    with pytest.raises(SettingsError, match="inputs=30,outputs=90"):
        declared()
