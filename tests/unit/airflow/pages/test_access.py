"""Nobody sees a page without Airflow's login, and the right to read the DAG it is about."""

import re

import pytest
from fastapi.routing import APIRoute

from batch_transform.report.app import app
from batch_transform.report.pages import theme_script
from batch_transform.report.safety import HEADERS
from batch_transform.scoring.reports.page import digest
from tests.unit.airflow.pages.conftest import (
    FLIGHTS,
    GROUPS,
    NO_LOGS,
    OTHER,
    READER,
    RIGHTS,
    STRANGER,
)

NAMES = {"dag_id": FLIGHTS, "run_id": "nightly", "task_id": "load"}
PATHS = [route.path.format(**NAMES) for route in app.routes]
SCRIPT = "<script>alert('x')</script>"
IMAGE = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def a_run(runs):
    runs.add()


def test_every_route_is_a_page_that_is_only_read():
    assert len(app.routes) == 4
    for route in app.routes:
        assert isinstance(route, APIRoute), f"{route} is no route of a page"
        assert route.methods == {"GET"}, route.path


@pytest.mark.parametrize("path", PATHS)
def test_anonymous_calls_are_refused(server, path):
    assert server.get(path, user=None).status_code == 401
    wrong = {"Authorization": "Bearer nonsense"}
    assert server.client.get(f"/batch-transform{path}", headers=wrong).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_who_may_not_read_the_dag_is_refused(server, path):
    refused = server.get(path, user=STRANGER)
    assert refused.status_code == 403
    assert "nightly" not in refused.text


@pytest.mark.parametrize("path", PATHS)
def test_who_may_read_the_dag_sees_the_page(server, path):
    page = server.get(path, user=READER)
    assert page.status_code == 200
    assert FLIGHTS in page.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(server, path, method):
    assert getattr(server.client, method)(f"/batch-transform{path}").status_code == 405


def test_the_rights_asked_for_are_those_of_the_dag_in_the_path(server):
    path = PATHS[1].replace(FLIGHTS, "secret_dag")
    assert server.get(path, params={"dag_id": FLIGHTS}).status_code == 403
    for elsewhere in ("/pipelines/~", "/runs/~/nightly", "/tasks/~/nightly/load"):
        assert server.get(elsewhere).status_code == 404


@pytest.mark.parametrize(
    ("path", "user", "status"),
    [
        (PATHS[0], READER, 200),
        (PATHS[0], None, 401),
        (PATHS[0], STRANGER, 403),
        ("/runs/flight_delay/of_nobody", READER, 404),
        ("/nowhere", None, 404),
        ("/pipelines/flight_delay?year=soon", READER, 422),
    ],
)
def test_every_answer_tells_the_browser_to_run_nothing_but_one_script_of_ours(
    server, path, user, status
):
    answer = server.get(path, user=user)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]
    assert f"script-src {digest(theme_script())};" in HEADERS["Content-Security-Policy"]
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.DOTALL)
    assert scripts == [theme_script()]
    assert "frame-ancestors 'self'" in HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_an_address_that_asks_for_what_cannot_be_is_told_why(server):
    answer = server.get("/pipelines/flight_delay?year=soon")
    assert "year: Input should be a valid integer" in answer.text


def test_a_page_that_breaks_says_nothing_of_why(server, monkeypatch):
    def broken(*_):
        raise KeyError("secret")

    monkeypatch.setattr("batch_transform.report.app.lines_of", broken)
    answer = server.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_there_is_nothing_but_the_pages(server, path):
    assert server.get(path).status_code == 404


@pytest.mark.parametrize("path", PATHS[1:])
@pytest.mark.parametrize("name", [FLIGHTS, "nightly"])
def test_script_in_a_name_is_text(server, monkeypatch, path, name):
    monkeypatch.setitem(RIGHTS, READER, {FLIGHTS, IMAGE})
    page = server.get(path.replace(name, IMAGE))
    assert "<img" not in page.text
    if page.status_code == 404:
        assert "&lt;img src=x onerror=alert(1)&gt;" in page.text


def test_script_in_a_description_is_text(server, described):
    described(FLIGHTS, SCRIPT)
    page = server.get("/")
    assert SCRIPT not in page.text
    assert "&lt;script&gt;" in page.text


def test_the_list_has_only_what_may_be_read(server, monkeypatch):
    assert set(re.findall(r"/pipelines/(\w+)", server.get("/").text)) == {FLIGHTS, GROUPS}
    monkeypatch.setitem(RIGHTS, NO_LOGS, {GROUPS, OTHER, None})
    assert set(re.findall(r"/pipelines/(\w+)", server.get("/", NO_LOGS).text)) == {GROUPS}
    monkeypatch.setitem(RIGHTS, NO_LOGS, {None})
    assert "There is no pipeline that you may read" in server.get("/", NO_LOGS).text
