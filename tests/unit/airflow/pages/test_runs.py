"""The page of a run: its own report where it has written one, else what is known so far."""

from datetime import UTC, datetime, timedelta

import pytest

from batch_transform.report.runs import SeenRun
from batch_transform.scoring.errors import Unreachable
from batch_transform.scoring.jobs.owners import RUN_TAG, Owner
from batch_transform.scoring.jobs.service import COMPLETED
from batch_transform.scoring.names import RunLayout
from batch_transform.scoring.reports.comparison import Change, Comparison
from batch_transform.scoring.reports.keep import write
from batch_transform.scoring.reports.report import Progress
from tests.factories import a_job, a_shard, an_index
from tests.unit.airflow.pages.conftest import FLIGHTS, GROUPS, NO_LOGS, OTHER, ROOT
from tests.unit.scoring.reports.test_page import SCRIPT, Seen, full_report

LAYOUT = RunLayout.of(ROOT, FLIGHTS, "2013-06-01", "first")
PAGE = f"/runs/{FLIGHTS}/nightly"
ALL_DONE = dict.fromkeys(
    ["extract", "build_manifest", "transform", "wait", "recover", "load", "report"], "success"
)


def text_of(answer):
    assert answer.status_code == 200
    return " ".join(Seen(answer.text).text.split())


def kept(server, report, place=LAYOUT.attempt_root / "report" / "sixth"):
    """Write a report as a run would; return its URI."""
    return write(report, place, server.aws.objects).places["report"]


def extracted(server):
    server.aws.objects.put(LAYOUT.index, an_index([a_shard()], pipeline=FLIGHTS).to_json())
    return str(LAYOUT.index)


def test_a_finished_run_shows_the_report_that_it_has_written(server, runs):
    uri = kept(server, full_report("of the run", state="success"))
    runs.add(tasks=ALL_DONE, report__report=uri)
    text = text_of(server.get(PAGE))
    assert "Every record is accounted for." in text
    assert uri in text
    assert "load success 1 2013-06-03 06:00:00 UTC 1:30 min" in text, "Airflow knows when it ran"
    assert "http-equiv" not in server.get(PAGE).text
    assert f"pipelines/{FLIGHTS}" in server.get(PAGE).text


def test_the_page_of_a_task_shows_that_report_and_the_task(server, runs):
    uri = kept(server, full_report("of the run"))
    runs.add(tasks=ALL_DONE, report__report=uri)
    text = text_of(server.get(f"/tasks/{FLIGHTS}/nightly/load"))
    assert "Task load : success , try 1, took 1:30 min." in text
    assert "Every record is accounted for." in text


@pytest.mark.parametrize(
    "place",
    [
        ROOT / "another_pipeline" / "2013-06-01" / "first",
        RunLayout.of(ROOT, f"{FLIGHTS}_too", "2013-06-01", "first").attempt_root,
    ],
)
def test_a_report_that_lies_elsewhere_is_not_read(server, runs, place):
    uri = kept(server, full_report("of another pipeline"), place)
    runs.add(tasks=ALL_DONE, report__report=uri)
    assert "of another pipeline" not in text_of(server.get(PAGE))


def test_a_run_that_goes_on_shows_how_far_it_is_and_looks_again(server, runs):
    progress = {"shards_done": 1, "shards": 4, "records_done": 5, "records": 20, "eta_seconds": 3}
    states = {"extract": "success", "build_manifest": "success", "transform": "deferred"}
    runs.add(
        state="running",
        tasks=states,
        extract__index=extracted(server),
        transform__progress=progress,
    )
    answer = server.get(PAGE)
    text = text_of(answer)
    assert "1 of 4 shards, 5 of 20 records, about 3.0 s left" in text
    assert "source 10 rows → records 10 1 shards" in text
    assert "transform deferred 1" in text
    assert "load not yet" in text
    assert '<meta http-equiv="refresh" content="5">' in answer.text


def test_a_run_that_was_only_planned_shows_its_day_and_the_plan(server, runs):
    planned = {"rows": 960, "plan": {"partition": "2013-06-01", "job": "would be started"}}
    runs.add(tasks={"plan": "success"}, plan__return_value=planned)
    page = server.get(PAGE)
    text = text_of(page)
    assert f"{FLIGHTS} · 2013-06-01 success planned, and no more" in text
    assert "From source to table" not in text, "nothing has gone that way"
    assert "<details open>" in page.text
    assert '"job": "would be started"' in text


def test_a_plan_that_lies_in_s3_is_not_in_the_xcom(server, runs):
    runs.add(tasks={"plan": "success"}, plan__return_value={"plan": "s3://bucket/plan.json"})
    assert "What was expected before" not in text_of(server.get(PAGE))


def test_a_run_that_begins_anew_does_not_show_its_old_report(server, runs):
    uri = kept(server, full_report("of yesterday"))
    runs.add(state="running", tasks=ALL_DONE, report__report=uri)
    assert "of yesterday" not in text_of(server.get(PAGE))


def test_a_report_that_is_gone_is_made_anew(server, runs):
    runs.add(
        tasks=ALL_DONE,
        extract__index=extracted(server),
        report__report=f"{LAYOUT.attempt_root}/report/gone/report.json",
    )
    assert "source 10 rows" in text_of(server.get(PAGE))


def test_a_run_that_failed_shows_its_job_and_what_it_cost(server, runs):
    owner = Owner(deployment=str(ROOT), dag_id=FLIGHTS, run_id="nightly", task_id="transform")
    described = a_job("flights-job", str(LAYOUT.attempt_root)).described
    tags = [{"Key": RUN_TAG, "Value": owner.run}]
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    jobs = server.aws.jobs
    jobs.create({**described, "TransformResources": resources, "Tags": tags})
    jobs.advance(timedelta(minutes=30))
    jobs.end("flights-job", COMPLETED)
    runs.add(
        state="failed",
        tasks={"extract": "success", "transform": "failed"},
        extract__index=extracted(server),
        transform__sagemaker_transform_job_details={"job_name": "flights-job"},
    )
    text = text_of(server.get(PAGE))
    assert "first flights-job Completed 2 \N{MULTIPLICATION SIGN} ml.m5.large" in text
    assert "paid by this run $0.10" in text


# Airflow's reader of logs leaves a file to be closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_words_of_the_task_that_failed_are_shown_to_who_may_read_its_log(server, runs):
    runs.add(state="failed", tasks={"extract": "success", "recover": "failed"})
    runs.log(
        "recover",
        {"level": "info", "event": "Round 1 sends 2 objects", "timestamp": "2013-06-03T06:00:01Z"},
        {
            "level": "error",
            "event": "Task failed with exception",
            "timestamp": "2013-06-03T06:00:02Z",
            "error_detail": [
                {"exc_type": "AirflowFailException", "exc_value": f"id 17 is bad {SCRIPT}"},
                {"exc_type": "LimitHit", "exc_value": "id 17 is bad"},
            ],
        },
        {"level": "error", "event": "and a plain line", "timestamp": "2013-06-03T06:00:03Z"},
    )
    for page in (PAGE, f"/tasks/{FLIGHTS}/nightly/recover"):
        text = text_of(server.get(page))
        assert f"recover failed id 17 is bad {SCRIPT} and a plain line" in text
        assert "Round 1" not in text
        hidden = text_of(server.get(page, NO_LOGS))
        assert "id 17" not in hidden
        assert "recover failed What it said is for those who may read this DAG's logs." in hidden


def test_records_in_quarantine_are_shown_to_who_may_read_logs(server, runs):
    secret = full_report("secret")
    moved = Change(comparison=Comparison(largest=secret.change.comparison.largest))
    report = full_report("ours").model_copy(
        update={"quarantined": secret.quarantined, "change": moved}
    )
    runs.add(tasks=ALL_DONE, report__report=kept(server, report))
    assert text_of(server.get(PAGE)).count("secret") > 3
    hidden = text_of(server.get(PAGE, NO_LOGS))
    assert "secret" not in hidden
    assert "Records without a prediction: 1. Which they are is for those who may read" in hidden


def test_whatever_a_report_says_is_shown_as_text(server, runs):
    runs.add(tasks=ALL_DONE, report__report=kept(server, full_report(SCRIPT)))
    page = server.get(PAGE).text
    seen = Seen(page)
    assert seen.tags.isdisjoint({"img", "iframe", "form"})
    assert page.count("<script") == 1, "ours"
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "style"]
    assert seen.text.count(SCRIPT) > 20


def test_where_aws_cannot_be_asked_the_tasks_are_shown_and_why_no_more(server, runs):
    runs.add(
        state="failed",
        tasks={"extract": "success", "load": "failed"},
        extract__index=extracted(server),
        transform__job_name="flights-job",
    )
    server.aws.jobs.refusals.append(Unreachable("no <answer>"))
    text = text_of(server.get(PAGE))
    assert "What lies in S3 could not be read no <answer>" in text
    assert "load failed 1" in text


def test_a_dag_of_several_pipelines_has_a_report_of_each(server, runs):
    first = kept(server, full_report("of the first"))
    second = kept(server, full_report("of the second"), LAYOUT.attempt_root / "report" / "other")
    states = {"first.load": "success", "second.load": "failed"}
    runs.add(
        dag_id=GROUPS,
        state="failed",
        tasks=states,
        first_of_report__report=first,
        second_of_report__report=second,
    )
    answer = server.get(f"/runs/{GROUPS}/nightly")
    assert "two_groups has several pipelines" in text_of(answer)
    assert f"/tasks/{GROUPS}/nightly/second.report" in answer.text
    text = text_of(server.get(f"/tasks/{GROUPS}/nightly/second.load"))
    assert "of the second" in text
    assert "of the first" not in text
    assert "Task load : failed" in text
    assert text.count("build_manifest") == 1, "the tasks of one group"


@pytest.mark.parametrize("path", [f"/runs/{OTHER}/nightly", f"/pipelines/{OTHER}"])
def test_a_dag_without_a_pipeline_says_so(server, runs, path):
    runs.add(dag_id=OTHER)
    answer = server.get(path)
    assert answer.status_code == 404
    assert f"{OTHER} has no pipeline of batch transform." in answer.text


def test_the_last_run_and_the_last_report_of_each_pipeline_are_listed(server, runs):
    returned = {"partition": "2013-06-01", "rows": 1000, "quarantined": 2, "dollars": 0.5,
                "means": {"late_probability": 0.25}}  # fmt: skip
    runs.add("older", day=1, report__report="s3://", report__return_value={"rows": 7})
    runs.add("newer", day=2, report__report="s3://", report__return_value=returned)
    runs.add("last", day=3, state="failed")
    answer = server.get("/")
    text = text_of(answer)
    assert "failed 2013-06-01 1,000 2 late_probability 0.25 $0.50" in text
    assert f"/runs/{FLIGHTS}/last" in answer.text


def test_each_pipeline_of_a_dag_has_figures_of_its_own(server, runs):
    kept = {}
    for number, name in enumerate(("first", "second"), start=1):
        returned = {"pipeline": f"of_{name}", "partition": "2013-06-01", "rows": number}
        kept |= {f"{name}_of_report__report": "s3://", f"{name}_of_report__return_value": returned}
    runs.add(dag_id=GROUPS, **kept)
    text = text_of(server.get("/"))
    assert "success 2013-06-01 of_first 1 - - 2013-06-01 of_second 2 - -" in text


def test_a_pipeline_that_never_ran_is_listed(server, airflow_database):
    assert "Probability that a flight arrives" in text_of(server.get("/"))


def test_times_are_those_of_the_last_try(server, runs):
    runs.add(state="failed", tasks={"extract": "failed"})
    assert f"{datetime(2013, 6, 3, 6, tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC" in text_of(
        server.get(PAGE)
    )


def test_of_several_jobs_each_is_found_and_their_progress_is_one():
    half = {"shards_done": 1, "shards": 2, "records_done": 10, "records": 20, "eta_seconds": 30}
    seen = SeenRun(
        dag_id=FLIGHTS,
        run_id="nightly",
        subject=None,
        state="running",
        partition=None,
        tasks=(),
        handed_on={
            ("join_slices", "index"): "s3://bucket/index.json",
            ("transform", "progress"): [half, {**half, "eta_seconds": 50}],
            ("transform", "job_name"): ["first-job"],
            ("transform", "sagemaker_transform_job_details"): [
                {"job_name": "first-job"},
                {"job_name": "second-job"},
            ],
            ("recover", "coverage"): [None],
        },
    )
    assert seen.progress == Progress(
        shards_done=2, shards=4, records_done=20, records=40, eta_seconds=50
    )
    trail = seen.trail("tag")
    assert (trail.job_names, trail.coverages) == (("first-job", "second-job"), ())
