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

from sagemaker_local.container import ModelHandler, listening
from tests.e2e.conftest import FLIGHTS, MODEL, STRICT, model_of
from tests.e2e.test_jobs import Jobs

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
COLOURS = 96  # of a picture: a third of its bytes, and nobody sees a difference
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


class Flat(ModelHandler):
    """Answers 0.25 for every flight."""

    def do_POST(self):  # noqa: N802  # named by http.server
        self.send(200, b"0.25\n" * len(self.body().splitlines()))


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

    def trigger(self, dag_id, **asked):
        """Fill in the form of a run; return the run's id."""
        self.page.goto(f"{self.url}/dags/{dag_id}")
        self.page.get_by_role("button", name="Trigger").first.click()
        form = self.page.get_by_role("dialog")
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

    def open_tab(self, name):
        """Click a tab; return the page in its frame."""
        self.page.get_by_role("link", name=name, exact=True).last.click()
        return self.page.frame_locator(f"iframe[title='{name}']")

    def keep(self, name):
        """Keep a screenshot, where one is wanted."""
        folder = os.environ.get("BROWSER_IMAGES")
        if folder:
            shot = Image.open(BytesIO(self.page.screenshot())).convert("RGB")
            few = shot.quantize(COLOURS, dither=Image.Dither.NONE)
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
    with listening(Stern) as stern, listening(Flat) as flat:
        for name, url in {"stern": stern, "flat": flat}.items():
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
    person.keep("report")


def test_another_model_is_compared_and_the_partition_stays(laptop, person, flights_run, models):
    before = laptop.rows(date(2013, 6, 4))
    run_id = person.trigger(FLIGHTS, partition="2013-06-04", model="flat")
    person.see_run(FLIGHTS, run_id)
    report = person.open_tab("Report")
    report.get_by_text("Nothing was published").wait_for(timeout=RUN_MS)
    assert laptop.finished(FLIGHTS, run_id) == "success"
    compared = report.locator("dl").filter(has_text="in force before").inner_text()
    assert "960 rows of model flight-delay" in compared
    assert re.search(r"predictions that differ\s+960, 100.0%", compared)
    assert report.locator("caption").filter(has_text="The largest changes").count() == 1
    assert laptop.rows(date(2013, 6, 4)) == before
    person.keep("compare")


def test_a_bad_records_id_is_two_clicks_from_the_red_task(laptop, person, failed_run):
    person.see_run(STRICT, failed_run)
    person.open_task("recover")
    report = person.open_tab("Report")
    said = report.locator(".failure pre")
    said.wait_for()
    found = re.search(r"id (\d+): .*too far <b>for me</b>", said.inner_text())
    assert found, said.inner_text()
    log = laptop.log_of(STRICT, failed_run, "recover")
    assert f"id {found[1]}" in log
    person.keep("failed-task")


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
