"""Pages of HTML that need nothing from elsewhere: the style sheet is inside."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from batch_transform.scoring.reports import plots
from batch_transform.scoring.reports.formatting import FILTERS
from batch_transform.scoring.reports.report import RunReport

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def style() -> str:
    """Return the style sheet."""
    return (_TEMPLATES / "style.css").read_text()


def digest(text: str) -> str:
    """Name a style sheet or a script, and no other, to a content security policy.

    https://www.w3.org/TR/CSP3/#grammardef-hash-source
    """
    found = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


@cache
def environment(*folders: Path) -> Environment:
    """Return the templates of this room, and of further folders; all they show is escaped."""
    found = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(FILTERS)
    found.globals["style"] = Markup(style())  # noqa: S704  # a file of ours
    return found


def drawn(report: RunReport) -> dict[str, Any]:
    """Return what the template of a report is given: the report, and its plots."""
    comparison = report.change.comparison if report.change else None
    histograms = comparison.histograms if comparison else {}
    return {
        "report": report,
        "plots": {
            "timeline": plots.timeline(report),
            "distribution": {each.name: plots.distribution(each) for each in report.predictions},
            "means": {each.name: plots.means(each) for each in report.predictions},
            "compared": {name: plots.compared(name, both) for name, both in histograms.items()},
        },
    }


def report_page(report: RunReport) -> str:
    """Return the page of a report, to be kept as a file."""
    template = environment().get_template("report.html")
    return template.render(drawn(report), shows_records=True, refresh=0)
