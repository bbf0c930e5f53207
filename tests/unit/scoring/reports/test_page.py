"""The page of a report: all of it is text, and nothing of it is from elsewhere."""

import re
import sys
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.reports.comparison import (
    Change,
    Comparison,
    Flips,
    Histograms,
    Moved,
)
from batch_transform.scoring.reports.formatting import dollars, duration, figure, moment, size
from batch_transform.scoring.reports.keep import read, write
from batch_transform.scoring.reports.page import digest, report_page, style
from batch_transform.scoring.reports.plots import timeline
from batch_transform.scoring.reports.report import (
    Check,
    Funnel,
    JobRun,
    Past,
    Predicted,
    Progress,
    RunReport,
    TaskRun,
)
from batch_transform.scoring.testing import InMemoryObjects
from tests.unit.scoring.reports.conftest import NOW

SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"


def full_report(text="a text", **changes):
    """A report with everything in it; each text that is not ours is this one."""
    job = JobRun(
        name=text, round=1, status=text, reason=text, model=text, instance_type=text,
        instance_count=2, paid_here=False, created=NOW, started=NOW, ended=NOW + timedelta(hours=1),
        seconds=3600, dollars=0.25,
    )  # fmt: skip
    task = TaskRun(task_id=text, state="failed", started=NOW, ended=NOW, seconds=0, words=text)
    column = Predicted(
        name=text, mean=0.5, outside=1, low=0, high=1, bins=(1, 2), bins_before=(2, 1), drift=0.1,
        before=(Past(partition=date(2013, 6, 1), rows=3, mean=0.4),),
    )  # fmt: skip
    compared = Comparison(
        run_id=text, model=text, gained=1, lost=2, changed=3, rows_after=5, column=text,
        mean_before=0.5, mean_change=0.1, largest=(Moved(id=text, before=text, after=0.5),),
        histograms={text: Histograms(low=0, high=1, before=(1, 2), after=(2, 1))},
    )  # fmt: skip
    kept = Quarantined(id=(text,), shard=text, line=1, status=text, reason=text, record=text)
    facts = {
        "pipeline": text,
        "dag_id": text,
        "run_id": text,
        "state": text,
        "made_at": NOW,
        "table": text,
        "model": text,
        "funnel": Funnel(source_rows=3, oversized=0, records=3, quarantined=1, rows=2),
        "progress": Progress(shards_done=1, shards=2, records_done=1, records=3, eta_seconds=90),
        "tasks": (task,),
        "jobs": (job,),
        "predictions": (column,),
        "checks": (Check(name=text, level=text, facts=text),),
        "change": Change(
            unpublished=text,
            comparison=compared,
            flips=Flips(fail_now=(text,), failed_before=(text,)),
        ),
        "quarantined": (kept,),
        "request": {text: text},
        "plan": {text: text},
        "places": {text: text},
    }
    return RunReport(**{**facts, **changes})


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self._tag = set(), [], "", ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self._tag = tag
        self.text += " "

    def handle_endtag(self, tag):
        self._tag = ""
        self.text += " "

    def handle_data(self, data):
        if self._tag not in ("style", "script"):
            self.text += data


def test_whatever_a_run_says_is_shown_as_text():
    seen = Seen(report_page(full_report(SCRIPT)))
    assert seen.tags.isdisjoint({"script", "img", "iframe", "object", "form", "link", "base"})
    names = {name for name, _ in seen.attributes}
    assert not [name for name in names if name.startswith("on")]
    assert names.isdisjoint({"style", "src", "href", "action"})
    assert seen.text.count(SCRIPT) > 25


def test_a_page_needs_nothing_from_elsewhere():
    page = report_page(full_report())
    assert re.findall(r"https?://(?!www\.w3\.org)\S+", page) == []
    assert re.findall(r"url\(|@import|@font-face", page) == []
    assert page.count("<style") == 1
    assert f"<style>{style()}</style>" in page, "the digest is of the very text"
    assert digest(style()).startswith("'sha256-")


def test_a_page_shows_every_section():
    text = Seen(report_page(full_report())).text
    for heading in (
        "From source to table", "Predictions", "Checks", "What the load would change", "Quarantine",
        "Throughput and cost", "Timeline", "Transform jobs", "Request", "Plan", "Where it lies",
        "Progress",
    ):  # fmt: skip
        assert heading in text, heading
    assert "Every record is accounted for." in text
    assert "1 of 2 shards, 1 of 3 records, about 1:30 min left" in " ".join(text.split())
    assert "started by another run" in text
    assert "$0.25" in text


def test_a_page_of_a_run_that_has_just_begun_has_no_empty_sections():
    report = RunReport(pipeline="apples", dag_id="apples", run_id="r", state="queued", made_at=NOW)
    text = Seen(report_page(report)).text
    for heading in ("Predictions", "Checks", "Quarantine", "Timeline", "Plan", "Progress"):
        assert heading not in text
    assert "nothing loaded yet" in text
    assert "for the model" in text, "instead of figures that are not known"


@pytest.mark.parametrize(
    ("paid", "text"),
    [
        ([True], "1 job started"),
        ([False], "0 of 1 job started"),
        ([True, True], "2 jobs started"),
        ([True, False, True], "2 of 3 jobs started"),
    ],
)
def test_jobs_that_the_run_has_started_are_counted_among_all(paid, text):
    jobs = tuple(full_report().jobs[0].model_copy(update={"paid_here": each}) for each in paid)
    assert f", {text}, $" in Seen(report_page(full_report(jobs=jobs))).text


def test_counts_that_do_not_agree_are_said():
    funnel = Funnel(source_rows=4, oversized=0, records=3, quarantined=1, rows=2)
    text = Seen(report_page(full_report(funnel=funnel))).text
    assert "The counts do not agree." in text
    assert "Every record is accounted for." not in text


def test_plots_have_what_is_drawn_and_a_label():
    page = report_page(full_report())
    plots = re.findall(r'<svg[^>]*class="plot-(\w+)"[^>]*role="img" aria-label="([^"]*)"', page)
    assert [kind for kind, _ in plots] == ["distribution", "means", "distribution", "timeline"]
    assert plots[0][1] == "Distribution of a text"


def names_in_the_timeline(report):
    svg = re.search(r'<svg[^>]*class="plot-timeline".*?</svg>', report_page(report), re.DOTALL)[0]
    return re.findall(r">([a-z_]+(?: \d)?)</text>", svg)


def test_what_goes_on_is_drawn_until_now():
    begun = NOW - timedelta(seconds=60)
    skipped = TaskRun(task_id="load", state="skipped", started=NOW, ended=NOW)
    transform = TaskRun(task_id="transform", state="deferred", started=begun)
    tasks = (transform, TaskRun(task_id="wait"), skipped)
    job = full_report().jobs[0].model_copy(update={"round": 0, "started": begun, "ended": None})
    report = full_report(tasks=tasks, jobs=(job,))
    assert sorted(names_in_the_timeline(report)) == ["job", "transform"]
    assert report.records_per_second is None, "nobody knows how many are through"
    early = report.model_copy(update={"made_at": begun - timedelta(seconds=1)})
    assert ">-" not in timeline(early), "where the clock of a worker is ahead"


def test_jobs_that_share_the_records_are_numbered():
    job = full_report().jobs[0].model_copy(update={"started": NOW, "ended": NOW})
    jobs = tuple(job.model_copy(update={"round": number}) for number in (0, 0, 1))
    found = names_in_the_timeline(full_report(tasks=(), jobs=jobs))
    assert sorted(found) == ["job 1", "job 2", "round 1"]


def test_drawing_leaves_no_finder_of_modules_behind():
    report_page(full_report())
    assert [each for each in sys.meta_path if type(each).__module__ == "pygal"] == []


def test_what_was_never_measured_is_not_drawn():
    nothing = Predicted(name="label", nulls=0)
    page = report_page(full_report(predictions=(nothing,), tasks=(), jobs=(), change=None))
    assert "<svg" not in page
    page = report_page(full_report(tasks=(TaskRun(task_id="load", seconds=3.0),), jobs=()))
    assert 'class="plot-timeline"' not in page, "nobody knows when it began"


def a_change(**facts):
    return Seen(report_page(full_report(change=Change(**facts)))).text


def test_the_page_says_what_the_load_did():
    assert "3 rows were replaced with 2." in a_change(published=True, replaced_rows=3)
    assert "The partition was empty, and was loaded." in a_change(published=True)
    none = Funnel(records=0, quarantined=0, rows=0)
    empty = full_report(change=Change(published=True), funnel=none)
    text = Seen(report_page(empty)).text
    assert "The partition was empty, and still is." in text
    assert "NULL" not in text, "of no prediction there is nothing to say"
    assert "the partition held this load already" in a_change(published=False)
    text = " ".join(Seen(report_page(full_report())).text.split())
    assert "Nothing was published: a text." in text
    assert "predictions that differ 3, 75.0% of the rows on both sides" in text
    assert "where it changed by 0.1 on average" in text
    assert "a text a text 0.5" in text, "id, before, after"
    assert "Checks that fail now, and held before: a text" in text


def test_who_may_not_read_logs_sees_nothing_of_any_record():
    secret = full_report("secret")
    failed = TaskRun(task_id="load", state="failed", words="secret")
    moved = Comparison(gained=1, largest=(Moved(id="secret", before="secret"),))
    report = full_report("ours").model_copy(
        update={
            "quarantined": secret.quarantined,
            "change": Change(comparison=moved),
            "tasks": (failed,),
        }
    )
    assert "secret" in report_page(report)
    hidden = report.without_records()
    assert "secret" not in report_page(hidden)
    assert b"secret" not in hidden.to_json()
    assert hidden.funnel == report.funnel
    assert hidden.change.comparison.gained == 1


def test_a_report_is_kept_as_json_and_as_a_page_that_say_where_they_are():
    objects = InMemoryObjects()
    place = S3Uri("bucket", "run/report/last")
    kept = write(full_report(), place, objects)
    assert {str(uri) for uri in objects.content} == {kept.places["report"], kept.places["page"]}
    assert read(place / "report.json", objects) == kept
    page = objects.get(place / "report.html").decode()
    assert kept.places["page"] in Seen(page).text
    assert read(place / "gone.json", objects) is None


@pytest.mark.parametrize(
    ("spelt", "text"),
    [
        (dollars(None), "-"),
        (dollars(0.0), "$0.00"),
        (dollars(0.00002), "$0.00002"),
        (dollars(1234.5), "$1,234.50"),
        (figure(None), "-"),
        (figure(0.16618), "0.1662"),
        (figure(2_058_000.4), "2,058,000"),
        (figure(-1e18), "-1e+18"),
        (duration(None), "-"),
        (duration(9.96), "10.0 s"),
        (duration(61), "1:01 min"),
        (duration(3661), "1:01:01 h"),
        (size(None), "-"),
        (size(999), "999 B"),
        (size(1_500_000), "1.5 MB"),
        (size(10**16), "1e+04 TB"),
        (moment(datetime(2013, 6, 1, tzinfo=UTC)), "2013-06-01 00:00:00 UTC"),
        (moment(None), "-"),
    ],
)
def test_figures_are_spelt_for_people(spelt, text):
    assert spelt == text
