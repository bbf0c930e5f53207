"""The pages in a real browser, inside Airflow's own: headless Chromium as Debian packages it.

``BROWSER_IMAGES`` names a folder for the screenshots that the documentation shows.
"""

import os
import re
import shutil
from datetime import date
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from local.data.package_days import flights_per_day
from sagemaker_local.container import ModelHandler, listening
from tests.e2e.conftest import DEAR, FLIGHTS, MODEL, STRICT, Quick, model_of
from tests.e2e.test_jobs import Jobs, until

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium"),
    # The browser's driver is a process that is asked over pipes, which end with it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SIZES = {"wide": {"width": 1400, "height": 900}, "narrow": {"width": 390, "height": 844}}
LOOKS = ("light", "dark")
COLOURS = 192  # of a picture: a third of its bytes, and nobody sees a difference
RUN_MS = 240_000
SEE_MS = 90_000


class Stern(ModelHandler):
    """Answers 0.25 for a flight, and refuses flights to Hawaii."""

    def do_POST(self):  # noqa: N802  # named by http.server
        lines = self.body().splitlines()
        if any(b",HNL," in line for line in lines):
            self.send(400, b"too far <b>for me</b>")
        else:
            self.send(200, b"0.25\n" * len(lines))


class Person:
    """Somebody at a browser who has logged in."""

    def __init__(self, page, url):
        self.page, self.url = page, url

    def log_in(self, user, password):
        self.page.goto(self.url)
        self.page.fill("input[name=username]", user)
        self.page.fill("input[name=password]", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(re.compile(rf"^{self.url}/(?!auth)"))

    def open_form(self, dag_id):
        self.page.goto(f"{self.url}/dags/{dag_id}")
        self.page.get_by_role("button", name="Trigger").first.click()
        return self.page.get_by_role("dialog").filter(has_text="Run Parameters")

    def backfill(self, dag_id, *days):
        """Fill in the form of a backfill, from a day to a day."""
        form = self.open_form(dag_id)
        form.get_by_text("Backfill", exact=True).click()
        for day in days:
            form.get_by_text("Select date and time").first.click()
            self.page.get_by_placeholder("YYYY/MM/DD").fill(f"{day:%Y/%m/%d}")
            self.page.keyboard.press("Enter")
            form.get_by_text("Date Range").click()
        form.locator("input[name=max_active_runs]").fill("3")
        with self.page.expect_response(re.compile(r"/backfills$")) as answer:
            form.get_by_role("button", name="Run Backfill").click()
        assert answer.value.ok, answer.value.text()

    def trigger(self, dag_id, **asked):
        """Fill in the form of a run; return the run's id."""
        form = self.open_form(dag_id)
        for name, value in asked.items():
            form.locator(f"#element_{name}").fill(value)
        with self.page.expect_response(re.compile(r"/dagRuns$")) as answer:
            form.get_by_role("button", name="Trigger", exact=True).click()
        return answer.value.json()["dag_run_id"]

    def see_run(self, dag_id, run_id):
        self.page.goto(f"{self.url}/dags/{dag_id}/runs/{quote(run_id)}")

    def open_task(self, task_id):
        """Click a task in the page of a run: its square in the grid, or its line in the list."""
        self.page.locator(f"a[href*='/runs/'][href$='/tasks/{task_id}']").first.click()
        self.page.wait_for_url(re.compile(rf"/runs/.*/tasks/{task_id}"))
        self.page.get_by_role("link", name="Rendered Templates").wait_for()  # of tasks alone

    def open_tab(self, name):
        """Click a tab; return the page in its frame."""
        self.page.get_by_role("link", name=name, exact=True).last.click()
        return self.page.frame_locator(f"iframe[title='{name}']")

    def keep(self, name):
        """Keep a screenshot, where one is wanted."""
        folder = os.environ.get("BROWSER_IMAGES")
        if folder:
            shot = Image.open(BytesIO(self.page.screenshot())).convert("RGB")
            few = shot.quantize(
                COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
            )
            few.save(Path(folder) / f"{name}.png", optimize=True)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def look():
    """A size of the window, and whether the person likes it dark."""
    return "wide", "light"


@pytest.fixture
def person(browser, laptop, look):
    size, scheme = look
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    context.set_default_timeout(SEE_MS)
    airflow = laptop.stack.airflow
    person = Person(context.new_page(), airflow.settings.url)
    person.log_in("admin", airflow.password)
    yield person
    context.close()


@pytest.fixture(scope="module", autouse=True)
def demo_model(laptop, trained):
    """The demo's own model, so that pictures show what it says."""
    with model_of(laptop.stack.aws_url, MODEL, trained):
        yield


@pytest.fixture(scope="module")
def models(laptop):
    """Two further models, by their handlers' names."""
    with listening(Stern) as stern, listening(Quick) as quick:
        for name, url in {"stern": stern, "quick": quick}.items():
            Jobs(laptop).client.create_model(
                ModelName=name,
                ExecutionRoleArn=f"arn:aws:iam::123456789012:role/{name}",
                PrimaryContainer={"Image": url},
            )
        yield


@pytest.fixture(scope="module")
def failed_run(laptop, models):
    """A run with records that its model refuses."""
    run_id, state = laptop.trigger(STRICT, partition="2013-06-13")
    assert state == "failed"
    return run_id


@pytest.fixture(scope="module")
def flights_run(browser, laptop):
    """A run that scored the 4th of June."""
    run_id, state = laptop.trigger(FLIGHTS, partition="2013-06-04")
    assert state == "success"
    return run_id


def fits(page):
    """Tell whether nothing is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_days_are_backfilled_from_the_form_and_listed_under_the_days_they_score(laptop, person):
    days = [date(2013, 6, number) for number in (1, 2, 3)]
    person.backfill(FLIGHTS, days[0], days[-1])
    for day in days:
        assert laptop.finished(FLIGHTS, f"backfill__{day}T00:00:00+00:00") == "success"
    person.page.goto(f"{person.url}/dags/{FLIGHTS}/runs")
    for day in days:
        line = person.page.locator("tr").filter(has_text=f"backfill__{day}")
        line.get_by_text(f"{day} 00:00:00").wait_for()
        line.get_by_text("Success").wait_for()
    package = flights_per_day()
    assert [laptop.rows(day)[0] for day in days] == [package[day] for day in days]


def test_a_run_is_triggered_from_the_form_and_its_report_watched_until_all_is_counted(
    laptop, person
):
    run_id = person.trigger(FLIGHTS, partition="2013-06-04")
    person.see_run(FLIGHTS, run_id)
    report = person.open_tab("Report")
    report.get_by_text("Every record is accounted for.").wait_for(timeout=RUN_MS)
    assert laptop.finished(FLIGHTS, run_id) == "success"
    rows, _ = laptop.rows(date(2013, 6, 4))
    counts = report.locator(".flow b").all_inner_texts()
    assert counts == [str(rows)] * 4 + ["0"] == ["960"] * 4 + ["0"]
    assert report.locator("svg").count() >= 2
    report.locator("h1").get_by_text("2013-06-04").wait_for()
    person.page.reload()
    person.page.get_by_text("2013-06-04 · 960 rows · mean 0.166 · 0 quarantined").wait_for()
    report.get_by_text("Every record is accounted for.").wait_for()
    person.keep("report")


def test_another_model_is_compared_and_the_partition_stays(laptop, person, flights_run, models):
    before = laptop.rows(date(2013, 6, 4))
    run_id = person.trigger(FLIGHTS, partition="2013-06-04", model="quick")
    person.see_run(FLIGHTS, run_id)
    report = person.open_tab("Report")
    report.get_by_text("Nothing was published").wait_for(timeout=RUN_MS)
    assert laptop.finished(FLIGHTS, run_id) == "success"
    compared = report.locator("dl").filter(has_text="in force before").inner_text()
    assert "960 rows of model flight-delay" in compared
    assert re.search(r"predictions that differ\s+960, 100.0%", compared)
    assert report.locator("caption").filter(has_text="The largest changes").count() == 1
    assert laptop.rows(date(2013, 6, 4)) == before
    person.page.reload()
    heading = report.locator("h2").get_by_text("What the load would change")
    heading.evaluate("it => window.scrollTo(0, it.offsetTop - 12)")
    person.keep("compare")


def test_a_bad_records_id_is_two_clicks_from_the_red_task(laptop, person, failed_run):
    person.see_run(STRICT, failed_run)
    person.open_task("recover")
    report = person.open_tab("Report")
    said = report.locator(".failure pre")
    said.wait_for()
    found = re.search(r"id (\d+): .*too far <b>for me</b>", said.inner_text())
    assert found, said.inner_text()
    report.get_by_text("Task recover: failed, try 1").wait_for()
    log = laptop.log_of(STRICT, failed_run, "recover")
    assert f"id {found[1]}" in log
    person.keep("failed-task")


def test_a_run_over_its_cost_is_approved_where_it_asks(laptop, person):
    day = "2013-08-02"
    _, state = laptop.trigger(DEAR, partition="2013-08-01")
    assert state == "success", "nobody knows yet what a run costs"
    run_id = person.trigger(DEAR, partition=day)
    until(lambda: laptop.states(DEAR, run_id)["plan"] == "awaiting_input", "it asks")
    person.see_run(DEAR, run_id)
    person.open_task("plan")
    person.page.get_by_role("link", name="Required Action").last.click()
    approve = person.page.get_by_role("button", name="Approve")
    approve.wait_for()
    person.page.get_by_text(f"partition {day} are expected to cost").first.wait_for()
    person.keep("approval")
    approve.click()
    assert laptop.finished(DEAR, run_id) == "success"


@pytest.mark.parametrize("look", [(size, look) for size in SIZES for look in LOOKS], ids="-".join)
def test_the_pages_fit_the_window_in_every_look(person, look, flights_run, failed_run):
    root = f"{person.url}/batch-transform"
    errors = []
    person.page.on("console", lambda said: errors.append(said.text))
    person.page.on("pageerror", lambda error: errors.append(str(error)))
    for page in (
        f"runs/{FLIGHTS}/{quote(flights_run)}",
        f"tasks/{STRICT}/{quote(failed_run)}/recover",
        f"pipelines/{FLIGHTS}?year=2013",
        "",
    ):
        assert person.page.goto(f"{root}/{page}").status == 200
        assert fits(person.page), page
        assert errors == [], "the policy lets all of the page be shown"
    colour = person.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (colour == "rgb(255, 255, 255)") == (look[1] == "light")


def test_the_pages_are_as_dark_as_airflow(person):
    person.page.goto(f"{person.url}/plugin/batch-transform")
    frame = person.page.frame_locator("iframe")
    frame.get_by_role("link", name=FLIGHTS).wait_for()
    backgrounds = []
    for theme in ("Dark Mode", "Light Mode"):
        person.page.get_by_role("button", name="User").click()
        person.page.get_by_role("menuitem", name="Appearance").click()
        person.page.get_by_text(theme).click()
        frame.locator(f":root[data-theme={theme.partition(' ')[0].lower()}]").wait_for()
        body = frame.locator("body")
        backgrounds.append(body.evaluate("it => getComputedStyle(it).backgroundColor"))
    assert backgrounds == ["rgb(22, 29, 45)", "rgb(255, 255, 255)"]


def test_from_the_list_to_the_calendar_to_a_report_without_leaving_airflow(
    person, laptop, flights_run
):
    person.page.goto(f"{person.url}/plugin/batch-transform")
    frame = person.page.frame_locator("iframe")
    frame.get_by_role("link", name=FLIGHTS).click()
    day = frame.locator("a[title^='2013-06-04']")
    day.wait_for()
    person.keep("calendar")
    day.click()
    frame.locator("h1").get_by_text("2013-06-04").wait_for()
    assert frame.locator(".flow b").first.inner_text() == "960"
    assert person.page.url.startswith(f"{person.url}/plugin/batch-transform/")
