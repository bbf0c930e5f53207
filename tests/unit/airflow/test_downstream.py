"""What others learn of a load: assets, metrics, lineage and messages."""

import sys
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset, BaseNotifier, BaseOperator, Connection
from airflow.sdk.execution_time.context import OutletEventAccessors

from batch_transform import lineage, metrics
from batch_transform.assets import announce, asset_of
from batch_transform.dag import scoring_dag
from batch_transform.notices import notices
from batch_transform.scoring.pipeline import Notify, Target
from batch_transform.scoring.publish.judge import Finding
from batch_transform.scoring.publish.loaded import Loaded
from tests.factories import an_entry
from tests.unit.airflow.conftest import LAYOUT

SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"


class Quiet(BaseNotifier):
    """Tells only at the end of a run."""

    def __init__(self, text=""):
        super().__init__()
        self.text = text

    def notify(self, context):
        """Say nothing."""


def a_loaded(**changes):
    entry = an_entry(
        date(2013, 6, 4),
        rows=960,
        digest="abc",
        model="trees",
        profile={"late": {"mean": 0.25}},
        transform_seconds=1800.0,
        instance_count=2,
        instance_type="ml.m5.large",
        transform_jobs=1,
    )
    finding = Finding(check="mean of late", level="warn", facts="is high")
    return Loaded(
        **{"entry": entry, "changed": True, "quarantined": 2, "findings": (finding,), **changes}
    )


@pytest.fixture
def load():
    return BaseOperator(task_id="load", outlets=[Asset("predictions.flight_delay")])


def test_a_published_partition_is_an_event_of_its_asset(load):
    context = {"outlet_events": OutletEventAccessors()}
    announce(load, context, a_loaded(), LAYOUT)
    (asset,) = load.outlets
    event = context["outlet_events"][asset]
    assert event.partition_keys == {"2013-06-04"}
    assert event.extra == {
        "partition": "2013-06-04",
        "rows": 960,
        "changed": True,
        "digest": "abc",
        "model": "trees",
        "quality": {
            "quarantined": 2,
            "failed_checks": ["mean of late: is high"],
            "means": {"late": 0.25},
        },
        "report": f"{LAYOUT.attempt_root}/report",
    }


def test_what_is_not_published_is_no_event(load):
    context = {"outlet_events": OutletEventAccessors()}
    announce(load, context, a_loaded(unpublished="publish is off"), LAYOUT)
    assert load.outlets == []


def test_the_asset_is_named_like_the_target(world):
    assert asset_of(world.pipeline).name == "predictions.flight_delay"
    (outlet,) = scoring_dag(world.pipeline, world.deployment()).get_task("load").outlets
    assert outlet == asset_of(world.pipeline)


def test_the_gauges_of_a_load(monkeypatch):
    set_to = {}
    monkeypatch.setattr(
        metrics.stats, "gauge", lambda name, value, tags: set_to.update({name: (value, tags)})
    )
    metrics.measure(a_loaded(), {"ml.m5.large": 0.12})
    assert {name: value for name, (value, _) in set_to.items()} == {
        "batch_transform.rows": 960,
        "batch_transform.bad_records": 0,
        "batch_transform.jobs": 1,
        "batch_transform.rows_per_second": pytest.approx(960 / 1800),
        "batch_transform.instance_hours": 1.0,
        "batch_transform.cost": 0.12,
    }
    assert {tuple(tags.items()) for _, tags in set_to.values()} == {(("pipeline", "apples"),)}


def test_what_nobody_knows_is_no_gauge():
    without_job = an_entry(date(2013, 6, 4), rows=0, transform_seconds=None)
    assert dict(metrics.gauges(without_job, {})) == {
        "rows": 0,
        "bad_records": 0,
        "jobs": without_job.transform_jobs,
    }
    unpriced = an_entry(date(2013, 6, 4), transform_seconds=10.0, instance_type="ml.x.large")
    assert "cost" not in dict(metrics.gauges(unpriced, {"ml.m5.large": 1}))


@pytest.fixture
def openlineage(monkeypatch):
    """Its provider, as far as the tasks use it."""
    from airflow.providers.common.compat.openlineage import facet

    def kept(**values):
        return SimpleNamespace(**values)

    for name in ("Dataset", "OutputDataset", "OutputStatisticsOutputDatasetFacet"):
        monkeypatch.setattr(facet, name, kept)
    extractors = SimpleNamespace(OperatorLineage=kept)
    monkeypatch.setitem(
        sys.modules, "airflow.providers.openlineage", SimpleNamespace(extractors=extractors)
    )
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.extractors", extractors)
    connection = Connection(conn_id="warehouse", conn_type="postgres", host="db", schema="dwh")
    monkeypatch.setattr(lineage.BaseHook, "get_connection", lambda conn_id: connection)


def test_lineage_leads_from_the_outputs_to_the_table(openlineage):
    target = Target(conn_id="warehouse", table="predictions.late", partition_column="day")
    found = lineage.loaded(f"{LAYOUT.loaded}", target, 960)
    (source,), (table,) = found.inputs, found.outputs
    assert (source.namespace, source.name) == ("s3://bucket", LAYOUT.attempt_root.key)
    assert (table.namespace, table.name) == ("postgres://db:5432", "dwh.predictions.late")
    assert table.outputFacets["outputStatistics"].rowCount == 960


def test_lineage_of_a_target_in_s3_and_of_a_job(openlineage):
    target = Target(conn_id="aws", table="s3://lake/scores", partition_column="day")
    (table,) = lineage.loaded(f"{LAYOUT.loaded}", target, 1).outputs
    assert (table.namespace, table.name) == ("s3://lake", "scores")
    found = lineage.transformed("s3://bucket/run/manifest.json", "s3://bucket/run/output/g1")
    assert [each.name for each in (*found.inputs, *found.outputs)] == [
        "run/manifest.json",
        "run/output/g1",
    ]


def test_nobody_is_told_by_default():
    assert notices(None) == {}


def test_a_message_for_each_end_and_for_a_run_that_is_late():
    arguments = {"to": "ann@example.com", "subject": "{{ dag_run.note }}", "html_content": "x"}
    told = notices(Notify(notifier=SMTP, arguments=arguments, late_after="6h"))
    assert told["on_success_callback"].subject == "{{ dag_run.note }}"
    assert set(told) == {"on_success_callback", "on_failure_callback", "deadline"}
    assert told["deadline"].interval == timedelta(hours=6)
    assert told["deadline"].callback.path == SMTP
    assert set(notices(Notify(notifier=SMTP, arguments=arguments, after=["failure"]))) == {
        "on_failure_callback"
    }


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"notifier": f"{__name__}.Nobody"}, ValueError, "is no notifier of Airflow"),
        ({"notifier": "json.JSONDecoder"}, ValueError, "is no notifier of Airflow"),
        ({"notifier": "no.such.Thing"}, ImportError, "no"),
        (
            {"notifier": f"{__name__}.Quiet", "late_after": "1h"},
            ValueError,
            "needs a notifier with async_notify",
        ),
    ],
)
def test_a_notifier_that_cannot_tell_is_refused_when_the_dag_is_parsed(settings, error, words):
    with pytest.raises(error, match=words):
        notices(Notify(**settings))


def test_a_pipeline_that_tells_becomes_a_dag_that_airflow_can_keep(world):
    notify = Notify(notifier=f"{__name__}.Quiet", arguments={"text": "{{ dag_run.note }}"})
    settings = world.pipeline.settings.model_copy(update={"notify": notify})
    dag = scoring_dag(world.pipeline.model_copy(update={"settings": settings}), world.deployment())
    assert dag.on_failure_callback.text == "{{ dag_run.note }}"
