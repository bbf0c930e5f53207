"""A report of what a run has left, however far it has come."""

import json
from datetime import UTC, date, datetime

import pytest

from batch_transform.scoring.jobs.service import FAILED
from batch_transform.scoring.publish.loaded import Loaded
from batch_transform.scoring.publish.profile import Profile
from batch_transform.scoring.reports.report import Check, Past, RunReport
from tests.factories import DAY, an_entry
from tests.unit.scoring.reports.conftest import BAD, LAYOUT, MINE, OTHERS

BINS = (10, 20, 10)


def profile(**changes):
    figures = {"nulls": 1, "mean": 0.5, "varies": True, "bins": BINS, "low": 0.0, "high": 1.0}
    return {"ripeness": Profile(**{**figures, **changes}).to_dict()}


def test_a_run_that_has_not_come_far_has_a_report_all_the_same(run):
    report = run.report(state="failed")
    assert (report.partition, report.jobs, report.model) == (None, (), "")
    assert report.funnel.source_rows is None
    assert report.funnel.accounts_for_all is None


def test_an_index_that_is_gone_leaves_the_rest_of_the_report(run):
    run.trail["index"] = str(LAYOUT.index)
    assert run.report().partition is None


def test_before_it_is_loaded_the_extract_is_what_is_counted(run):
    run.extracted(quarantined=2)
    report = run.report(state="running")
    assert report.partition == DAY
    assert report.funnel.model_dump() == {
        "source_rows": 12,
        "oversized": 2,
        "records": 10,
        "shards": 1,
        "size": 40,
        "quarantined": None,
        "rows": None,
    }
    assert report.places == {"index": str(LAYOUT.index)}


def test_once_it_is_loaded_the_ledger_is_what_counts(run):
    run.extracted()
    entry = an_entry(source_rows=11, oversized=1, quarantined=2, rows=8)
    funnel = run.report(entry=entry).funnel
    assert (funnel.source_rows, funnel.records, funnel.predictions) == (11, 10, 8)
    assert funnel.accounts_for_all
    lost = run.report(entry=an_entry(rows=9)).funnel
    assert lost.accounts_for_all is False
    lost = run.report(entry=an_entry(source_rows=11)).funnel
    assert lost.accounts_for_all is False


def test_a_job_is_shown_with_what_it_took_and_cost(run):
    run.extracted()
    run.had_job(seconds=1800)
    report = run.report(prices={"ml.c5.large": 0.2})
    (job,) = report.jobs
    assert (job.name, job.round, job.status, job.paid_here) == ("apples-job", 0, "Completed", True)
    assert (job.seconds, job.instance_hours, job.dollars) == (1800, 1.0, 0.2)
    assert (report.instance_hours, report.dollars) == (1.0, 0.2)
    assert report.records_per_second == 10 / 1800
    assert report.model == "apples"
    assert report.places["outputs"] == f"{LAYOUT.attempt_root}/output"


def test_what_another_run_has_started_costs_this_one_nothing(run):
    run.extracted()
    run.had_job(started_by=OTHERS, seconds=3600)
    run.had_job("apples-again", started_by=MINE, seconds=1800)
    run.recovered(jobs=("apples-again",))
    report = run.report(prices={"ml.c5.large": 0.2})
    assert [job.paid_here for job in report.jobs] == [False, True]
    assert (report.instance_hours, report.dollars) == (3.0, 0.2)


def test_jobs_that_share_the_records_come_first_and_all_are_counted(run):
    run.extracted(records=900, jobs=2)
    run.had_job("apples-one", seconds=60, after=5)
    run.had_job("apples-two", seconds=90)
    run.had_job("apples-again", seconds=30, after=10)
    run.trail["job_names"] = ("apples-one", "apples-two")
    run.recovered(jobs=("apples-again",))
    report = run.report(prices={"ml.c5.large": 3600})
    assert [(job.name, job.round) for job in report.jobs] == [
        ("apples-one", 0),
        ("apples-two", 0),
        ("apples-again", 1),
    ]
    assert report.dollars == pytest.approx(180 * report.jobs[0].instance_count)
    assert report.records_per_second == 10, "of the job that took longest"


def test_what_has_no_price_has_no_cost(run):
    run.extracted()
    run.had_job()
    report = run.report(prices={"ml.m5.large": 0.2})
    assert (report.jobs[0].dollars, report.dollars) == (None, None)


def test_rounds_of_a_recovery_that_failed_are_found_by_their_folders(run):
    run.extracted()
    run.had_job(status=FAILED)
    for number, digest in ((2, "bbbbbbbbbbbb"), (1, "aaaaaaaaaaaa")):
        run.had_job(f"apples-2013-06-01-{digest}", after=number * 100)
        run.left(f"recover/third/round-{number}-{digest}/manifest.json", [])
        run.left(f"recover/third/round-{number}-{digest}/input/part-00000.csv", b"1,6\n")
    run.left("recover/third/round-3-cccccccccccc/manifest.json", [])  # it was never started
    assert [(job.round, job.name) for job in run.report().jobs] == [
        (0, "apples-job"),
        (1, "apples-2013-06-01-aaaaaaaaaaaa"),
        (2, "apples-2013-06-01-bbbbbbbbbbbb"),
    ]


def test_the_records_in_quarantine_are_those_of_the_load_and_stay_there_themselves(run):
    run.extracted()
    run.recovered(quarantined=(BAD,))
    named = BAD.model_copy(update={"record": ""})
    assert run.report().quarantined == (named,)
    unfit = BAD.model_copy(update={"line": 4, "reason": "not a number"})
    run.quarantined(BAD, unfit)
    report = run.report()
    assert report.quarantined == (named, unfit.model_copy(update={"record": ""}))
    assert report.places["quarantine"] == f"{LAYOUT.quarantine}/records.jsonl"


def test_of_very_many_records_in_quarantine_the_first_are_in_the_report(run, monkeypatch):
    monkeypatch.setattr("batch_transform.scoring.reports.make.MOST_RECORDS", 2)
    run.extracted()
    run.quarantined(BAD, BAD, BAD)
    report = run.report()
    assert (len(report.quarantined), report.funnel.quarantined) == (2, 3)


def test_predictions_stand_beside_those_of_the_last_partitions(run):
    run.extracted()
    same = an_entry(date(2013, 5, 31), rows=40, profile=profile(mean=0.25))
    otherwise = an_entry(date(2013, 5, 30), profile=profile(mean=None, bins=(), low=None))
    silent = an_entry(date(2013, 5, 29))
    history = [same, otherwise, silent]
    entry = an_entry(profile=profile(outside=3))
    (column,) = run.report(entry=entry, history=history).predictions
    assert (column.mean, column.nulls, column.outside) == (0.5, 1, 3)
    assert (column.bins, column.bins_before) == (BINS, BINS)
    assert column.drift == 0
    assert column.before == (
        Past(partition=date(2013, 5, 31), rows=40, mean=0.25),
        Past(partition=date(2013, 5, 30), rows=10, mean=None),
    )


def test_without_a_distribution_there_is_no_drift(run):
    run.extracted()
    entry = an_entry(profile=profile(bins=(), low=None, high=None))
    (column,) = run.report(entry=entry, history=[entry]).predictions
    assert (column.bins, column.drift) == ((), None)
    shifted = an_entry(profile=profile(bins=(0, 0, 40)))
    (column,) = run.report(entry=shifted, history=[an_entry(profile=profile())]).predictions
    assert column.drift > 1


def test_every_declared_check_is_there_with_what_it_found(run):
    run.extracted()
    declared = [("row_count", "warn"), ("constant ripeness", "block"), ("empty", "off")]
    findings = ["constant ripeness: the model answered: all alike", "of an older version: odd"]
    entry = an_entry(findings=findings)
    assert run.report(checks=declared, entry=entry).checks == (
        Check(name="row_count", level="warn"),
        Check(name="constant ripeness", level="block", facts="the model answered: all alike"),
        Check(name="empty", level="off"),
        Check(name="of an older version", level="warn", facts="odd"),
    )
    assert run.report(checks=declared).checks == (), "nothing was checked yet"


def a_comparison(**changes):
    """A comparison as ``loaded.json`` has it."""
    facts = {
        "run_id": "of_yesterday",
        "model": "flight-delay",
        "rows_before": 6,
        "rows_after": 5,
        "gained": 1,
        "lost": 2,
        "changed": 3,
        "column": "ripeness",
        "mean_before": 0.4,
        "mean_after": 0.5,
        "mean_change": 0.2,
        "largest_change": 0.8,
        "largest": [
            {"id": ["17", "red"], "before": 0.1, "after": 0.9},
            {"id": [4], "before": True, "after": "ripe"},
        ],
        "histograms": {"ripeness": {"low": 0, "high": 1, "before": [3, 3], "after": [1, 4]}},
        "is": "of a later version",
    }
    return {**facts, **changes}


def test_what_the_load_compared_is_told(run):
    run.extracted()
    run.left(
        "loaded.json",
        {
            "replaced_rows": 6,
            "changed": True,
            "comparison": a_comparison(),
            "flips": {"fail_now": ["row_count"], "failed_before": ["constant ripeness"]},
        },
    )
    change = run.report().change
    assert (change.published, change.replaced_rows) == (True, 6)
    found = change.comparison
    assert (found.gained, found.lost, found.changed) == (1, 2, 3)
    assert found.share_changed == 3 / 4
    assert [(each.id, each.before, each.after) for each in found.largest] == [
        ("(17, red)", 0.1, 0.9),
        ("4", True, "ripe"),
    ]
    assert found.histograms["ripeness"].after == (1, 4)
    assert change.flips.fail_now == ("row_count",)


def test_the_first_load_of_a_partition_is_compared_with_nothing(run):
    run.extracted()
    first = Loaded(entry=an_entry(DAY), changed=True, quarantined=0, findings=())
    run.left("loaded.json", first.to_json())
    assert run.report().change.comparison is None


def test_a_share_of_no_rows_is_no_number(run):
    run.extracted()
    run.left("loaded.json", {"comparison": a_comparison(rows_after=1, gained=1, changed=0)})
    assert run.report().change.comparison.share_changed is None


def test_a_load_that_is_not_published_is_counted_with_no_row_in_the_table(run):
    run.extracted()
    entry = json.loads(an_entry(rows=9, quarantined=1, profile=profile()).to_json())
    run.left("loaded.json", {"changed": False, "unpublished": "as asked", "entry": entry})
    report = run.report(published=False, history=[an_entry(profile=profile())])
    assert (report.funnel.source_rows, report.funnel.predictions) == (10, 9)
    assert report.funnel.rows is None
    assert report.change.unpublished == "as asked"
    assert report.predictions[0].bins == BINS
    assert len(report.predictions[0].before) == 1


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", {"comparison": "later"}, None])
def test_what_a_load_of_another_version_left_is_done_without(run, content):
    run.extracted()
    if content is not None:
        run.left("loaded.json", content)
        run.left("plan.json", b"[1]" if isinstance(content, dict) else content)
    assert run.report().change is None
    assert run.report().plan is None
    assert run.report(published=False).change.published is False


def test_a_plan_is_kept_as_it_is(run):
    run.extracted()
    run.left("plan.json", {"rows": 960, "how": {"would": "start"}})
    assert run.report().plan == {"rows": 960, "how": {"would": "start"}}


def test_the_request_has_no_values_of_the_environment(run):
    run.extracted()
    run.had_job(Environment={"TOKEN": "s3cret"}, BatchStrategy="MultiRecord")
    report = run.report()
    assert report.request["TransformJobName"] == "apples-job"
    assert report.request["BatchStrategy"] == "MultiRecord"
    assert list(report.request["Environment"]) == ["TOKEN"]
    assert "TransformJobStatus" not in report.request
    assert b"s3cret" not in report.to_json()


def test_a_report_is_read_back_and_what_is_added_later_is_passed_over(run):
    run.extracted()
    run.had_job()
    run.quarantined(BAD)
    report = run.report(entry=an_entry(profile=profile()), history=[an_entry(profile=profile())])
    assert RunReport.from_json(report.to_json()) == report
    newer = report.to_json().replace(b"{", b'{"added": {"later": 1},', 1)
    assert RunReport.from_json(newer) == report


def test_the_moment_of_the_snapshot_is_told(run):
    run.extracted()
    run.left("snapshot.json", {"taken_at": "2013-06-02T02:00:00+00:00"})
    assert run.report().snapshot_at == datetime(2013, 6, 2, 2, tzinfo=UTC)
