"""The plan task: what it leaves, where it ends a run, and what it waits for."""

import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    DownstreamTasksSkipped,
    TaskAwaitingInput,
)
from airflow.sdk.execution_time import hitl

from batch_transform.operators.extract import ExtractOperator
from batch_transform.operators.load import LoadOperator
from batch_transform.operators.plan import PlanOperator
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.testing import RowsSource
from batch_transform.scoring.warehouse.files import FilesWarehouse
from tests.contract.warehouse.loads import replace
from tests.unit.airflow.conftest import DAY, ROOT

ROWS = [(number,) for number in range(960)]
TARGET = Target(conn_id="aws", table="s3://bucket/lake", partition_column="day")


@pytest.fixture
def desk(world, monkeypatch):
    """A plan operator, what its source has, and what it may ask Airflow for."""
    desk = SimpleNamespace(rows=ROWS, asked=[], prices={"ml.m5.large": 288})
    settings = world.pipeline.settings.model_copy(update={"target": TARGET})
    desk.pipeline = world.pipeline.model_copy(update={"settings": settings})
    desk.warehouse = FilesWarehouse(world.objects)

    @contextmanager
    def open_source(pipeline, part=None):
        yield RowsSource(pipeline.settings.record.columns, desk.rows)

    @contextmanager
    def open_warehouse(target):
        yield desk.warehouse

    monkeypatch.setattr("batch_transform.open_source.open_source", open_source)
    monkeypatch.setattr("batch_transform.open_source.open_warehouse", open_warehouse)
    monkeypatch.setattr("batch_transform.operators.plan.open_warehouse", open_warehouse)
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **asked: desk.asked.append(asked))

    def operator(**limits):
        late = {name: limits.pop(name, None) for name in ("wait", "asset")}
        settings = desk.pipeline.settings
        changes = {
            "limits": settings.limits.model_copy(update=limits),
            "source": settings.source.model_copy(update=late),
        }
        settings = settings.model_copy(update=changes)
        return PlanOperator(
            task_id="plan",
            pipeline=desk.pipeline.model_copy(update={"settings": settings}),
            deployment=world.deployment(prices=desk.prices),
            connect=world.connect,
        )

    desk.operator = operator
    return desk


def planned(world, **params):
    context = world.context(task_id="plan", partition=DAY, **params)
    context["ti"].get_first_reschedule_date = lambda context: None
    pushed = {}
    context["ti"].xcom_push = pushed.__setitem__
    context["pushed"] = pushed
    return context


def load_a_day(desk):
    """Have the day before loaded: as many rows, in 25 instance seconds."""
    rows = [(number, 0.5) for (number,) in ROWS]
    replace(desk.warehouse, TARGET, date(2013, 5, 31), rows, pipeline="flight_delay")


def test_a_plan_is_kept_where_the_next_task_finds_it(world, desk):
    done = desk.operator().execute(planned(world))
    assert done == {
        "partition": DAY,
        "plan": f"{ROOT}/flight_delay/{DAY}/first/plan.json",
        "rows": 960,
        "job_name": f"flight-delay-{DAY}-",
        "cost": None,
    }
    kept = json.loads(world.objects.get(S3Uri.parse(done["plan"])))
    assert kept["request"]["TransformResources"]["InstanceCount"] == 2
    assert kept["named_by"] == "the parameter 'partition'"
    assert world.jobs.created == []


def test_the_cost_is_that_of_the_runs_before(world, desk):
    load_a_day(desk)
    assert desk.operator().execute(planned(world))["cost"] == pytest.approx(2.0)


def test_a_dry_run_ends_after_the_plan(world, desk):
    operator = desk.operator()
    operator.get_flat_relatives = lambda upstream: [
        SimpleNamespace(task_id=name) for name in ("extract", "load")
    ]
    context = planned(world, dry_run=True)
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        operator.execute(context)
    assert skipped.value.tasks == ["extract", "load"]
    plan = context["pushed"]["return_value"]["plan"]
    assert plan == json.loads(json.dumps(plan)), "an XCom is JSON"
    assert plan["request"]["ModelName"] == "flight-delay"


def test_a_dry_run_writes_nothing_and_starts_nothing(world, desk):
    before = dict(world.objects.content)
    with pytest.raises(DownstreamTasksSkipped):
        desk.operator().execute(planned(world, dry_run=True))
    assert world.objects.content == before
    assert world.jobs.created == []


def test_what_is_cleared_of_a_dry_run_does_nothing(world, desk):
    work = {"pipeline": desk.pipeline, "deployment": world.deployment(), "connect": world.connect}
    load = LoadOperator(task_id="load", index=world.index, job_name=None, coverage=None, **work)
    before = dict(world.objects.content)
    for task in (ExtractOperator(task_id="extract", **work), load):
        with pytest.raises(AirflowSkipException):
            task.execute(planned(world, dry_run=True))
    assert world.objects.content == before


def test_a_run_that_costs_too_much_fails_before_it_starts_anything(world, desk):
    load_a_day(desk)
    assert desk.operator(cost=2.5).execute(planned(world))
    with pytest.raises(AirflowFailException, match=r"cost 2\.00 USD, and may cost 1\.50\. Nothing"):
        desk.operator(cost=1.5).execute(planned(world))
    with pytest.raises(AirflowFailException, match="may cost 1"):
        desk.operator(cost=2.5).execute(planned(world, cost_cap=1))
    assert desk.operator(cost=1.5).execute(planned(world, cost_cap=3))


def test_a_dry_run_is_planned_whatever_it_costs(world, desk):
    load_a_day(desk)
    with pytest.raises(DownstreamTasksSkipped):
        desk.operator(cost=1.5).execute(planned(world, dry_run=True))


def test_a_person_decides_where_the_pipeline_says_so(world, desk):
    load_a_day(desk)
    operator = desk.operator(cost=1.5, over_cost="ask", deadline=timedelta(hours=2))
    context = planned(world)
    with pytest.raises(TaskAwaitingInput) as asking:
        operator.execute(context)
    (asked,) = desk.asked
    assert asked["subject"].endswith("cost 2.00 USD, and may cost 1.50. Start them?")
    assert (asked["ti_id"], asked["options"]) == ("first", ["Approve", "Reject"])
    assert asked["params"] == {}, "the execution API takes no null"
    assert "- Expected: about" in asked["body"]
    assert asking.value.timeout == timedelta(hours=2)
    resume = getattr(operator, asking.value.method_name)
    answer = {"chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "ann"}}
    done = resume(context, event=answer, **asking.value.kwargs)
    assert done["plan"].endswith("/plan.json")
    for refusal in ({**answer, "chosen_options": ["Reject"]}, {"error": "x", "error_type": "late"}):
        with pytest.raises(AirflowFailException, match=r"rejected the cost|in time \(late\)"):
            resume(context, event=refusal, **asking.value.kwargs)


def test_a_pool_that_would_never_have_slots_is_said_after_the_plan(world, desk, said):
    operator = desk.operator()
    operator.deployment = world.deployment(pools=True)
    context, left = planned(world), {("report", "unfit_pool"): "There is no pool x"}
    context["ti"].xcom_pull = lambda task_ids, key: left.get((task_ids, key))
    with pytest.raises(AirflowFailException, match="There is no pool x"):
        operator.execute(context)
    assert "Target s3://bucket/lake: replaces no row" in said("info")
    left.clear()
    assert operator.execute(context)["partition"] == DAY


def test_a_price_that_nobody_knows_keeps_no_limit(world, desk):
    desk.prices = {}
    with pytest.raises(AirflowFailException, match=r"nobody knows what ml\.m5\.large costs"):
        desk.operator().execute(planned(world, cost_cap=1))


def test_late_data_are_waited_for_without_a_worker(world, desk):
    desk.rows = []
    operator = desk.operator(wait=timedelta(hours=1))
    with pytest.raises(AirflowRescheduleException) as again:
        operator.execute(planned(world))
    soon = again.value.reschedule_date - datetime.now(UTC)
    assert timedelta() < soon < timedelta(seconds=2)
    desk.rows = ROWS
    assert operator.execute(planned(world))["rows"] == 960


def test_the_longer_data_are_late_the_less_often_they_are_looked_for(world, desk):
    desk.rows = []
    context = planned(world)
    since = datetime.now(UTC) - timedelta(minutes=20)
    context["ti"].get_first_reschedule_date = lambda context: since
    with pytest.raises(AirflowRescheduleException) as again:
        desk.operator(wait=timedelta(hours=1)).execute(context)
    soon = again.value.reschedule_date - datetime.now(UTC)
    assert timedelta(minutes=1) < soon <= timedelta(minutes=5)


def test_data_that_do_not_come_in_time_fail_the_run(world, desk):
    desk.rows = []
    context = planned(world)
    since = datetime.now(UTC) - timedelta(hours=1, seconds=1)
    context["ti"].get_first_reschedule_date = lambda context: since
    with pytest.raises(
        AirflowFailException, match=r"nothing for partition .* source\.wait is 1:00"
    ):
        desk.operator(wait=timedelta(hours=1)).execute(context)


def test_a_day_without_rows_is_a_fact_where_nothing_is_waited_for(world, desk):
    desk.rows = []
    assert desk.operator().execute(planned(world))["rows"] == 0


@pytest.mark.parametrize(
    ("key", "day", "has_come"),
    [
        (DAY, 1, True),
        ("2013-05-31", 3, False),
        (None, 3, True),
        (None, 1, False),  # while the day was not over
    ],
)
def test_an_assets_event_says_that_the_data_have_come(world, desk, monkeypatch, key, day, has_come):
    event = SimpleNamespace(partition_key=key, timestamp=datetime(2013, 6, day, 12, tzinfo=UTC))
    answer = SimpleNamespace(iter_asset_event_results=lambda: [event])
    asked = []
    monkeypatch.setattr(world.supervisor, "send", lambda each: asked.append(each) or answer)
    operator = desk.operator(wait=timedelta(hours=1), asset="flights_landed")
    if has_come:
        assert operator.execute(planned(world))["partition"] == DAY
    else:
        with pytest.raises(AirflowRescheduleException):
            operator.execute(planned(world))
    assert asked[0].name == "flights_landed"


def test_a_dry_run_waits_for_nothing(world, desk):
    desk.rows = []
    with pytest.raises(DownstreamTasksSkipped):
        desk.operator(wait=timedelta(hours=1)).execute(planned(world, dry_run=True))


def test_an_extract_keeps_the_plan_beside_its_shards(world, desk):
    done = desk.operator().execute(planned(world))
    desk.rows = []
    extract = ExtractOperator(
        task_id="extract",
        pipeline=desk.pipeline,
        deployment=world.deployment(),
        connect=world.connect,
        plan=done,
    )
    context = planned(world)
    context["ti"].id = "second"
    index = S3Uri.parse(extract.execute(context)["index"])
    kept = S3Uri(index.bucket, index.key.replace("input/index.json", "plan.json"))
    assert world.objects.get(kept) == world.objects.get(S3Uri.parse(done["plan"]))
