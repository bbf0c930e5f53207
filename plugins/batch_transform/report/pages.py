"""The templates of the pages in Airflow, over those of a report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from batch_transform.scoring.reports.page import drawn, environment
from batch_transform.scoring.reports.report import RunReport

_TEMPLATES = Path(__file__).parent / "templates"
_REFRESH_SECONDS = 5


@cache
def theme_script() -> str:
    """Return the one script of the pages, by which they are as light or dark as Airflow."""
    return (_TEMPLATES / "theme.js").read_text()


def page(template: str, **facts: Any) -> str:
    """Return a page; all that is not ours in it is escaped."""
    return _rendered(template, refresh=0, **facts)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a run's report is shown in Airflow.

    Attributes:
        root: path that the pages are mounted at.
        dag_id: the DAG that was asked about.
        shows_records: whether the user may see content of records.
        task_id: the task that was asked about; empty where none was.
        goes_on: whether the run is not over.
        problem: why something is missing; empty where nothing is.
    """

    root: str
    dag_id: str
    shows_records: bool
    task_id: str = ""
    goes_on: bool = False
    problem: str = ""


def run_page(report: RunReport, frame: Frame) -> str:
    """Return the page of a run's report, with what the user may not see left out."""
    shown = report if frame.shows_records else report.without_records()
    facts = {"frame": frame, "shows_records": frame.shows_records}
    refresh = _REFRESH_SECONDS if frame.goes_on else 0
    return _rendered("run.html", **drawn(shown), refresh=refresh, **facts)


def message_page(sentence: str, detail: str = "") -> str:
    """Return a page that says why there is no other."""
    return page("message.html", sentence=sentence, detail=detail)


def _rendered(template: str, **facts: Any) -> str:
    script = Markup(theme_script())  # noqa: S704  # a file of ours
    return environment(_TEMPLATES).get_template(template).render(script=script, **facts)
