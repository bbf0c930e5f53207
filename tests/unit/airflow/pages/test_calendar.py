"""The calendar of a pipeline's partitions."""

import re
from datetime import UTC, date, datetime

import pytest

from batch_transform.report.calendar import months_of, year_of_runs, years_of
from batch_transform.report.runs import RunOf
from batch_transform.scoring.errors import Unreachable
from tests.factories import an_entry
from tests.unit.airflow.pages.conftest import FLIGHTS

JUNE = [date(2013, 6, day) for day in range(1, 31)]
PAGE = f"/pipelines/{FLIGHTS}"


def run_of(partition, state="success", run_id="nightly"):
    return RunOf(
        run_id=run_id, state=state, partition=partition, run_after=datetime(2013, 6, 5, tzinfo=UTC)
    )


def days_of(entries=(), runs=(), year=2013):
    """The days there is something about."""
    months = months_of(year, entries, runs)
    days = [day for month in months for week in month.weeks for day in week if day]
    return {day.day: day for day in days if day.kind != "none" or day.run_id}


def test_a_year_has_all_its_days_once_each_in_its_week():
    months = months_of(2012, [], [])
    days = [day.day for month in months for week in month.weeks for day in week if day]
    assert len(days) == len(set(days)) == 366
    for month in months:
        for week in month.weeks:
            assert len(week) == 7
            assert all(day.day.weekday() == place for place, day in enumerate(week) if day)


def test_a_partition_is_the_darker_the_more_rows_it_has():
    entries = [an_entry(JUNE[day], rows=rows) for day, rows in enumerate((0, 10, 40, 90, 100))]
    kinds = [days_of(entries)[JUNE[day]].kind for day in range(5)]
    assert kinds == ["low", "low", "mid", "high", "high"]
    assert days_of([an_entry(JUNE[0], rows=0)])[JUNE[0]].kind == "low"


@pytest.mark.parametrize("facts", [{"findings": ["row_count: few"]}, {"quarantined": 1}])
def test_findings_and_quarantine_stand_out(facts):
    day = days_of([an_entry(JUNE[0], **facts)])[JUNE[0]]
    assert day.kind == "warn"
    assert all(finding in day.title for finding in facts.get("findings", ()))


@pytest.mark.parametrize(
    ("state", "kind"),
    [("failed", "bad"), ("running", "busy"), ("queued", "busy"), ("success", "high")],
)
def test_the_last_run_of_a_partition_stands_out_unless_it_went_well(state, kind):
    runs = [run_of(JUNE[0], state, "last"), run_of(JUNE[0], "failed", "older")]
    day = days_of([an_entry(JUNE[0], run_id="loaded")], runs)[JUNE[0]]
    assert (day.kind, day.run_id) == (kind, "last")
    assert f"last run: {state}" in day.title


def test_a_partition_whose_run_airflow_has_forgotten_links_to_the_one_that_loaded_it():
    assert days_of([an_entry(JUNE[0], run_id="loaded")])[JUNE[0]].run_id == "loaded"


def test_other_years_are_not_in_it():
    entries = [an_entry(date(2012, 6, 1)), an_entry(JUNE[0])]
    runs = [run_of(date(2014, 6, 1)), run_of(None)]
    assert set(days_of(entries, runs)) == {JUNE[0]}


def test_the_year_of_the_runs_is_that_of_the_last_one_with_a_partition():
    assert year_of_runs([run_of(None), run_of(date(2012, 1, 1)), run_of(JUNE[0])]) == 2012
    assert year_of_runs([run_of(None)]) is None


def test_the_years_there_is_anything_about_can_be_chosen():
    entries, runs = [an_entry(JUNE[0])], [run_of(date(2012, 1, 1)), run_of(None)]
    assert years_of(entries, runs, 2026) == [2012, 2013, 2026]


def test_the_page_has_the_calendar_and_the_latest_partitions(server, runs):
    profile = {"late_probability": {"mean": 0.25}}
    server.holds(JUNE[0], 3, run_id="nightly", transform_seconds=3600.0, profile=profile)
    server.holds(JUNE[1], 1, run_id="of_a_lost_run", findings=["row_count: <few>"])
    server.holds(date(2012, 6, 1), 9)
    runs.add("nightly", day=1)
    runs.add("failing", day=4, state="failed")
    answer = server.get(PAGE)
    links = re.findall(rf'class="day-(\w+)" href="[^"]*/runs/{FLIGHTS}/(\w+)"', answer.text)
    assert links == [("high", "nightly"), ("warn", "of_a_lost_run"), ("bad", "failing")]
    assert "2013-06-01: 3 rows, 0 quarantined; last run: success" in answer.text
    assert "row_count: &lt;few&gt;" in answer.text
    row = re.search(r"2013-06-01</a></td>(.*?)</tr>", answer.text, re.DOTALL)[1]
    figures = re.sub(r"<[^>]+>|\s+", " ", row).split()
    assert figures == ["3", "0", "late_probability", "0.25", "1", "2", "$0.20", "apples"]
    assert "2012-06-01" not in answer.text
    assert f'href="/batch-transform{PAGE}?year=2012"' in answer.text


def test_another_year_can_be_asked_for(server, runs):
    server.holds(date(2012, 6, 1), 9)
    server.holds(JUNE[0], 3)
    answer = server.get(PAGE, params={"year": 2012})
    assert "2012-06-01: 9 rows" in answer.text
    assert "2013-06-01" not in answer.text


def test_the_year_shown_first_is_that_of_the_last_run_or_else_of_the_latest_partition(server, runs):
    assert f"\N{MIDDLE DOT} {datetime.now(UTC).year}</h1>" in server.get(PAGE).text
    server.holds(JUNE[0], 3)
    server.holds(date(2014, 1, 1), 3)
    assert "\N{MIDDLE DOT} 2014</h1>" in server.get(PAGE).text
    runs.add(day=1)
    page = server.get(PAGE).text
    assert "\N{MIDDLE DOT} 2013</h1>" in page
    assert "2013-06-01: 3 rows" in page


def test_where_the_ledger_cannot_be_read_the_runs_are_shown_and_why(server, runs):
    server.problem = Unreachable("the database <refuses>")
    runs.add("failing", day=4, state="failed")
    answer = server.get(PAGE)
    assert answer.status_code == 200
    assert "the database &lt;refuses&gt;" in answer.text
    assert 'class="day-bad"' in answer.text
