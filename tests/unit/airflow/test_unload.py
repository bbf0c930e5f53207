"""The unload task on an engine in memory: begun, followed from the triggerer, stopped with it."""

import asyncio
from datetime import date
from types import SimpleNamespace

import pyarrow as pa
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from batch_transform.dag import scoring_dag
from batch_transform.following import statement_trigger
from batch_transform.following.statement_trigger import StatementTrigger
from batch_transform.open_source import AskedSource, open_asked
from batch_transform.operators import unload as unload_module
from batch_transform.operators.extract import ExtractOperator
from batch_transform.operators.unload import UnloadOperator
from batch_transform.scoring.asked import Asked
from batch_transform.scoring.errors import ManifestError, Unreachable
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Extract, Query, RedshiftPlace
from batch_transform.scoring.sources.unloaded.engine import Unloaded
from batch_transform.scoring.testing import InMemoryEngine
from batch_transform.tasks import tasks_of
from tests.unit.airflow.conftest import ROOT

DAY = Partition(day=date(2013, 6, 1), timezone="America/New_York")
UNLOAD = RedshiftPlace(workgroup="analytics", database="dev")


@pytest.fixture
def pipeline(world):
    settings = world.pipeline.settings
    source = Query(conn_id="aws_default", sql="features.sql", unload=UNLOAD)
    changed = {"source": source, "extract": Extract(slices=2)}
    settings = settings.model_copy(update=changed)
    return world.pipeline.model_copy(update={"settings": settings, "contract": None})


@pytest.fixture
def engine(world, pipeline, monkeypatch):
    record = pipeline.settings.record
    columns = {name: [6, 6, 6] for name in record.columns} | {record.id[0]: [3, 1, 2]}
    engine = InMemoryEngine(world.objects, pa.table(columns), looks=2)
    opened = staticmethod(lambda place, hurried=False: engine)
    monkeypatch.setattr(UnloadOperator, "open_engine", opened)
    monkeypatch.setattr(StatementTrigger, "open_engine", opened)
    monkeypatch.setattr(unload_module, "partition_of", lambda *_: DAY)
    monkeypatch.setattr(unload_module, "_AT_FIRST_SECONDS", 0)
    monkeypatch.setattr(statement_trigger, "_SHORTEST_SECONDS", 0)
    return engine


@pytest.fixture
def task(world, pipeline, engine):
    def task(**deployment):
        return UnloadOperator(
            task_id="unload",
            pipeline=pipeline,
            deployment=world.deployment(**deployment),
            connect=world.connect,
        )

    return task


def context_of(world, attempt="first", **params):
    context = world.context(attempt, task_id="unload", **params)
    asked = {"partition": "", **params}
    return {**context, "params": asked, "dag": SimpleNamespace(params=asked)}


def deferred(task, context):
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context)
    return deferral.value


async def seen(trigger):
    return [event.payload async for event in trigger.run()]


def test_a_worker_looks_itself_where_there_is_no_triggerer(world, task, monkeypatch):
    monkeypatch.setattr(unload_module.time, "sleep", lambda _: None)
    left = task(deferrable=False).execute(context_of(world))
    layout = RunLayout.of(ROOT, "flight_delay", "2013-06-01", "first")
    assert left == {"unloaded": str(layout.unloaded), "rows": 3}
    unloaded = Unloaded.from_json(world.objects.get(layout.unloaded))
    assert [(file.slice, file.rows) for file in unloaded.files] == [(0, 1), (1, 2)]


def test_a_task_waits_in_the_triggerer_and_goes_on_in_another_process(
    world, task, pipeline, monkeypatch
):
    deferral = deferred(task(), context_of(world))
    path, arguments = deferral.trigger.serialize()
    assert path.endswith("statement_trigger.StatementTrigger")
    monkeypatch.setattr(statement_trigger, "pause", lambda *_: 0)
    (event,) = asyncio.run(seen(StatementTrigger(**arguments)))
    assert event == {"why": "the statement has finished"}
    again = task().execute_again(context_of(world), event, **deferral.kwargs)
    assert again["rows"] == 3
    part = ExtractOperator(
        task_id="extract",
        pipeline=pipeline,
        deployment=world.deployment(),
        slice_number=1,
        unloaded=again["unloaded"],
        connect=world.connect,
    )
    run = AskedSource(
        asked=Asked(), day=DAY.day, objects=world.objects, part=part.part, unloaded=part.unloaded
    )
    with open_asked(pipeline, run) as source:
        blocks = b"".join(source.lines(DAY, pipeline).blocks)
    assert [line.split(b",")[0] for line in blocks.splitlines()] == [b"1", b"3"]


def test_an_attempt_that_died_is_found_by_its_name_and_stopped(world, task, engine):
    deferred(task(), context_of(world, "first"))
    deferred(task(), context_of(world, "second"))
    assert engine.stopped == ["statement-0"]
    other = {**context_of(world, "third", run="by hand")}
    deferred(task(), other)
    assert engine.stopped == ["statement-0"], "that of another run is left alone"


def test_a_statement_is_stopped_with_its_task(world, task, engine):
    working = task()
    deferral = deferred(working, context_of(world))
    asyncio.run(deferral.trigger.on_kill())
    assert engine.stopped == ["statement-0"]
    deferred(working, context_of(world, "second"))
    working.on_kill()
    assert engine.stopped == ["statement-0", "statement-1"]
    with pytest.raises(AirflowFailException, match="was stopped by somebody"):
        task().execute_again(context_of(world), {"why": ""}, handle="statement-1", begun=0.0)


def test_a_statement_that_takes_too_long_is_stopped(world, task, engine, pipeline):
    deferral = deferred(task(), context_of(world))
    late = {**deferral.kwargs, "begun": 0.0}
    with pytest.raises(AirflowFailException, match="not over within limits.deadline"):
        task().execute_again(context_of(world), {"why": "the time is up"}, **late)
    assert engine.stopped == ["statement-0"]
    trigger = StatementTrigger({}, "statement-0", 1.0, seconds_left=0.0)
    assert asyncio.run(seen(trigger)) == [{"why": "the time is up"}]


def test_the_triggerer_looks_again_after_a_failure_and_wakes_the_task_with_others(
    world, task, engine, monkeypatch
):
    monkeypatch.setattr(
        "batch_transform.following.statement_trigger.pause_after_failure", lambda *_: 0
    )
    deferral = deferred(task(), context_of(world))
    answers = iter([Unreachable("busy"), ValueError("broken")])

    def look(handle):
        raise next(answers)

    monkeypatch.setattr(engine, "look", look)
    (event,) = asyncio.run(seen(deferral.trigger))
    assert event == {"why": "the triggerer cannot watch the statement: broken"}


def test_a_plan_is_drawn_up_before_anything_is_unloaded(world, pipeline):
    run = AskedSource(asked=Asked(), day=DAY.day, objects=world.objects)
    with open_asked(pipeline, run) as source:
        assert source.is_there(DAY, pipeline)
        assert "counts them when it unloads" in str(source.expected(DAY, pipeline))
        with pytest.raises(ManifestError, match="Nothing was unloaded"):
            source.lines(DAY, pipeline)


def test_what_is_only_planned_is_not_unloaded(world, task, engine):
    with pytest.raises(AirflowSkipException):
        task().execute(context_of(world, dry_run=True))
    assert engine.running == {}


def test_quarantined_records_are_not_unloaded(world, task, engine):
    assert task().execute(context_of(world, resubmit=True)) == {"unloaded": "", "rows": 0}
    assert engine.running == {}


def test_the_extracts_tasks_read_what_unload_leaves(world, pipeline):
    dag = scoring_dag(pipeline, world.deployment())
    names = [task.task_id for task in dag.topological_sort()]
    assert names == [task.task_id for task in tasks_of(2, unloads=True)]
    assert "extract" in dag.get_task("unload").downstream_task_ids
    assert dag.get_task("extract").partial_kwargs["unloaded"].operator.task_id == "unload"
    assert "has the warehouse unload" in dag.doc_md
