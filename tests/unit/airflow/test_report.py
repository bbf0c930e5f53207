"""The report task, and the links that lead to reports and jobs."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException

from batch_transform.dag import scoring_dag
from batch_transform.links import JOB_LINKS
from batch_transform.operators.load import LoadOperator
from batch_transform.operators.report import subject_of
from batch_transform.scoring.jobs.service import COMPLETED
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.publish.profile import Profile
from batch_transform.scoring.reports.report import RunReport
from batch_transform.scoring.testing import InMemoryObjects
from batch_transform.scoring.warehouse.files import FilesWarehouse
from tests.contract.warehouse.loads import a_load, stage_of
from tests.factories import DAY
from tests.unit.airflow.conftest import LAYOUT, NIGHTLY
from tests.unit.airflow.test_jobs import begin, transform, wait

ROWS = [(1, 0.25), (2, 0.75)]
PROFILE = Profile(nulls=0, mean=0.5, varies=True, bins=(1, 1), low=0.0, high=1.0).to_dict()


class Lake:
    """A warehouse of files, as the tasks borrow it."""

    def __init__(self):
        self.warehouse = FilesWarehouse(InMemoryObjects())
        self.target = Target(conn_id="lake", table="s3://bucket/lake", partition_column="day")
        self.borrowed = 0

    @contextmanager
    def lend(self, target):
        self.borrowed += 1
        yield self.warehouse

    def hold(self, day):
        load = a_load(self.target, day, ROWS, pipeline="flight_delay", digest=str(day))
        entry = replace(load.entry, run_id=NIGHTLY, profile={"late_probability": PROFILE})
        load = replace(load, entry=replace(entry, findings=["row_count: few"]))
        with stage_of(load, ROWS) as staged:
            self.warehouse.replace(load, staged)


@pytest.fixture
def lake(world):
    lake = Lake()
    settings = world.pipeline.settings.model_copy(update={"target": lake.target})
    world.pipeline = world.pipeline.model_copy(update={"settings": settings})
    return lake


def report(world, lake, **changes):
    """The report task of the DAG, given what the tasks before it hand on."""
    prices = {"ml.m5.large": 0.1}
    task = scoring_dag(world.pipeline, world.deployment(prices=prices)).get_task("report")
    task.connect, task.lend = world.connect, lake.lend
    handed_on = {
        "index": world.index,
        "job_name": next((job.name for job in world.jobs.all()), None),
        "coverage": None,
        "loaded": {"changed": True, "rows": 2},
    }
    for name, value in {**handed_on, **changes}.items():
        setattr(task, name, value)
    return task


def run_job(world):
    """Run the job of the nightly run to its end, in half an hour."""
    task = transform(world)
    begin(world, task, world.context(), True)
    world.jobs.advance(timedelta(minutes=30))
    world.jobs.end(world.jobs.created[0], COMPLETED)
    return task


def test_the_report_is_written_and_said_where(world, lake):
    run_job(world)
    lake.hold(DAY - timedelta(days=1))
    lake.hold(DAY)
    world.supervisor.crumbs = [
        {"task_id": "load", "map_index": -1, "state": "success", "duration": 2.5},
        {"task_id": "extract", "map_index": -1, "state": "success", "duration": 1.5},
        {"task_id": "of_another_group", "map_index": -1, "state": "success", "duration": 1.5},
    ]
    returned = report(world, lake).execute(world.context("sixth", "report"))
    kept = RunReport.from_json(world.objects.get(S3Uri.parse(returned["report"])))
    assert returned == {
        "pipeline": "flight_delay",
        "partition": DAY.isoformat(),
        "report": f"{LAYOUT.attempt_root}/report/sixth/report.json",
        "page": f"{LAYOUT.attempt_root}/report/sixth/report.html",
        "records": 2,
        "rows": 2,
        "quarantined": 0,
        "means": {"late_probability": 0.5},
        "jobs_started": 1,
        "dollars": pytest.approx(2 * 0.5 * 0.1),
    }
    assert json.dumps(returned), "an XCom is JSON"
    assert (kept.dag_id, kept.run_id, kept.state) == ("flight_delay", NIGHTLY, "success")
    assert [(task.task_id, task.seconds) for task in kept.tasks] == [
        ("extract", 1.5),
        ("load", 2.5),
    ]
    assert {check.name: check.facts for check in kept.checks}["row_count"] == "few"
    assert len(kept.predictions[0].before) == 1
    assert kept.change.published is True
    assert b"Every record is accounted for." in world.objects.get(S3Uri.parse(returned["page"]))


def test_a_second_try_overwrites_nothing(world, lake):
    run_job(world)
    lake.hold(DAY)
    first, second = (
        report(world, lake).execute(world.context(attempt, "report"))["report"]
        for attempt in ("first", "second")
    )
    assert first != second


def test_a_run_that_publishes_nothing_does_not_count_what_another_has_loaded(world, lake):
    run_job(world)
    lake.hold(DAY)
    loaded = {"changed": False, "published": False, "rows": 7}
    returned = report(world, lake, loaded=loaded).execute(world.context("sixth", "report"))
    kept = RunReport.from_json(world.objects.get(S3Uri.parse(returned["report"])))
    assert (kept.funnel.records, kept.funnel.rows) == (20, None)
    assert kept.change.published is False


@pytest.mark.parametrize("index", [None, "s3://bucket/runs/gone/input/index.json"])
def test_where_nothing_was_extracted_there_is_nothing_to_report_on(world, lake, index):
    with pytest.raises(AirflowSkipException):
        report(world, lake, index=index, loaded=None).execute(world.context("sixth", "report"))
    assert lake.borrowed == 0


def test_the_pages_find_the_ledger_by_what_the_serialized_dag_says(world):
    from airflow.serialization.serialized_objects import DagSerialization

    dag = scoring_dag(world.pipeline, world.deployment())
    copy = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("report")
    assert copy.task_type == "ReportOperator"
    assert copy.subject == subject_of(world.pipeline)
    assert copy.subject == {
        "pipeline": "flight_delay",
        "timezone": "America/New_York",
        "target": {
            "conn_id": "warehouse",
            "table": "predictions.flight_delay",
            "partition_column": "flight_date",
        },
    }


def links(task, world, attempt="first"):
    """What Airflow asks a task for when it has run, by the links' names."""
    ti = world.context(attempt, task.task_id)["ti"]
    return {link.name: link.get_link(task, ti_key=ti) for link in task.operator_extra_links}


CONSOLE = "https://console.aws.amazon.com"
PLACE = f"{LAYOUT.attempt_root}".removeprefix("s3://bucket/")


def test_a_task_with_a_job_links_to_all_there_is_of_it(world):
    task = run_job(world)
    name = world.jobs.created[0]
    found = links(task, world)
    details = found.pop("Amazon SageMaker Transform Job Details")
    assert found == {
        "Report": "http://localhost:8080/dags/flight_delay/runs/nightly/plugin/"
        "batch-transform-report",
        "CloudWatch logs": f"{CONSOLE}/cloudwatch/home?region=us-east-1"
        "#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252FTransformJobs"
        f"$3FlogStreamNameFilter$3D{name}",
        "Manifest": f"{CONSOLE}/s3/object/bucket?region=us-east-1&prefix={PLACE}/manifest.json",
        "Outputs": f"{CONSOLE}/s3/buckets/bucket?region=us-east-1&prefix={PLACE}/output/g1/",
    }
    assert details == "", "the provider's own is read from an XCom"
    assert world.supervisor.xcoms["transform", "sagemaker_transform_job_details"] == {
        "region_name": "us-east-1",
        "aws_domain": "aws.amazon.com",
        "job_name": name,
    }


def test_the_links_are_there_while_the_job_runs_and_after_a_retry(world):
    first = transform(world, deferrable=False)
    with pytest.raises(AirflowRescheduleException):
        first.execute(world.context())
    again = transform(world, deferrable=False)
    with pytest.raises(AirflowRescheduleException):
        again.execute(world.context("second"))
    for task, attempt in ((first, "first"), (again, "second")):
        found = links(task, world, attempt)
        assert world.jobs.created[0] in found["CloudWatch logs"]
        assert found["Outputs"].endswith("/output/g1/")


def test_a_task_whose_job_is_not_known_yet_links_to_the_report_alone(world):
    found = links(transform(world), world)
    assert found.pop("Report")
    assert set(found.values()) == {""}


def test_wait_and_load_link_to_the_job_they_are_given(world):
    run_job(world)
    name = world.jobs.created[0]
    world.write_outputs(0, 1)
    task = wait(world, name)
    assert task.poke(world.context(task_id="wait"))
    assert name in links(task, world)["CloudWatch logs"]
    assert world.supervisor.xcoms["wait", "sagemaker_transform_job_details"]["job_name"] == name
    assert tuple(LoadOperator.operator_extra_links) == JOB_LINKS


@pytest.mark.parametrize(
    ("partition", "domain"),
    [("aws-cn", "amazonaws.cn"), ("aws-us-gov", "amazonaws-us-gov.com")],
)
def test_links_lead_to_the_console_of_the_jobs_own_aws(world, partition, domain):
    task = run_job(world)
    arn = task.linked_job.arn.replace("arn:aws:", f"arn:{partition}:")
    task.linked_job = replace(task.linked_job, arn=arn)
    assert links(task, world)["Manifest"].startswith(f"https://console.{domain}/s3/")


def test_a_run_id_with_signs_of_a_url_stays_one_part_of_it(world):
    task = transform(world)
    ti = world.context(run="manual__2013-06-02T00:00:00+00:00 a/b?c#d")["ti"]
    link = task.operator_extra_links[0].get_link(task, ti_key=ti)
    assert "/runs/manual__2013-06-02T00:00:00+00:00%20a%2Fb%3Fc%23d/plugin/" in link


def test_every_task_links_to_the_report(world):
    dag = scoring_dag(world.pipeline, world.deployment())
    for task in dag.tasks:
        assert "Report" in {link.name for link in task.operator_extra_links}, task.task_id


def test_a_day_before_dates_is_spelt_as_a_date(world, lake):
    run_job(world)
    lake.hold(date(2013, 6, 1))
    returned = report(world, lake).execute(world.context("sixth", "report"))
    assert returned["partition"] == "2013-06-01"
