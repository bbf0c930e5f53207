"""Plots as SVG. Their colours are those of the page: they carry neither style nor script.

https://www.pygal.org/en/stable/documentation/configuration/chart.html
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import count
from typing import Any

from markupsafe import Markup

from batch_transform.scoring.reports.comparison import Histograms
from batch_transform.scoring.reports.report import JobRun, Predicted, RunReport, TaskRun

_DROPPED = frozenset({"style", "script", "desc", "defs", "title"})
_DROPPED_GROUPS = frozenset({"plot tooltip-overlay", "plot text-overlay", "titles"})
_PLAIN = {
    "css": (),
    "js": (),
    "no_prefix": True,
    "disable_xml_declaration": True,
    "width": 440,
    "margin": 8,
    "max_scale": 6,
    "show_legend": False,
}
_BAR = 26  # units of height for each line of the timeline


def distribution(column: Predicted) -> Markup:
    """Draw the share of rows in each bin, and that of the last partitions as a line."""
    bounds = column.low or 0.0, column.high or 0.0
    return _shares(f"Distribution of {column.name}", bounds, column.bins, column.bins_before)


def compared(name: str, both: Histograms) -> Markup:
    """Draw the share of rows in each bin, and that of what the partition held as a line."""
    label = f"Distribution of {name} in the load and in what the partition held"
    return _shares(label, (both.low, both.high), both.after, both.before)


def means(column: Predicted) -> Markup:
    """Draw the mean of the last partitions, earliest first, and of this one last."""
    known = [past for past in reversed(column.before) if past.mean is not None]
    if not known or column.mean is None:
        return Markup()
    chart = _pygal().Line(**_PLAIN, height=150, dots_size=3, show_minor_x_labels=False)
    chart.x_labels = [f"{past.partition:%m-%d}" for past in known] + ["now"]
    chart.x_labels_major = [chart.x_labels[0], "now"]
    chart.add("mean", [past.mean for past in known] + [column.mean])
    return _drawn(chart, "means", f"Mean of {column.name} in the last partitions")


def timeline(report: RunReport) -> Markup:
    """Draw when tasks and jobs ran, or run, in seconds from the first one's start."""
    spans = list(_spans(report))
    if not spans:
        return Markup()
    begun = min(start for _, _, start, _ in spans)
    chart = _pygal().HorizontalStackedBar(**_PLAIN, height=50 + _BAR * len(spans))
    chart.x_labels = [name for name, *_ in reversed(spans)]
    chart.add("before", [(start - begun).total_seconds() for _, _, start, _ in reversed(spans)])
    for kind in ("task", "job"):
        lengths = [
            (end - start).total_seconds() if each == kind else None
            for _, each, start, end in reversed(spans)
        ]
        chart.add(kind, lengths)
    return _drawn(chart, "timeline", "When tasks and transform jobs ran, in seconds")


@cache
def _pygal() -> Any:
    """Import what draws, 15 MB, and a third of a second, when somebody draws.

    It adds a finder of its map plugins to those that Python asks for every module; its kind is one
    that Python 3.11 warns of, and there are no such plugins here.
    """
    import pygal

    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != "pygal"]
    return pygal


def _shares(
    label: str, bounds: tuple[float, float], now: Sequence[int], before: Sequence[int]
) -> Markup:
    if not sum(now):
        return Markup()
    chart = _pygal().XY(**_PLAIN, height=220, fill=True, show_dots=False, include_x_axis=True)
    chart.add("now", list(_steps(bounds, now)))
    if sum(before):
        chart.add("before", list(_steps(bounds, before)), fill=False)
    return _drawn(chart, "distribution", label)


def _steps(bounds: tuple[float, float], bins: Sequence[int]) -> Iterator[tuple[float, float]]:
    (low, high), total = bounds, sum(bins)
    width = (high - low) / len(bins)
    for number, held in enumerate(bins):
        yield low + number * width, held / total
        yield low + (number + 1) * width, held / total


def _spans(report: RunReport) -> Iterator[tuple[str, str, datetime, datetime]]:
    """Yield name, kind, start and end of what has begun, in the order of the run.

    What is not over goes on until the report is made.
    """
    for task in report.tasks:
        if task.started and task.started != task.ended:  # what is skipped ends as it starts
            mapped = f" {task.map_index}" if task.map_index >= 0 else ""
            yield f"{task.task_id}{mapped}", "task", *_span(task, report)
    for name, job in zip(_names(report.jobs), report.jobs, strict=True):
        if job.started:
            yield name, "job", *_span(job, report)


def _span(each: TaskRun | JobRun, report: RunReport) -> tuple[datetime, datetime]:
    """Return start and end; the clocks of two machines may differ."""
    started = each.started or report.made_at
    return started, max(started, each.ended or report.made_at)


def _names(jobs: Sequence[JobRun]) -> Iterator[str]:
    """Name jobs by their rounds; those that share the first are numbered."""
    firsts = sum(not job.round for job in jobs)
    numbers = count(1)
    for job in jobs:
        first = f"job {next(numbers)}" if firsts > 1 and not job.round else "job"
        yield f"round {job.round}" if job.round else first


def _drawn(chart: Any, kind: str, label: str) -> Markup:
    """Return a chart as SVG without what only a script or a style of its own would need."""
    from pygal.etree import etree

    root = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_dropped(child):
                parent.remove(child)
    del root.attrib["id"]
    root.attrib.update({"class": f"plot-{kind}", "role": "img", "aria-label": label})
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704  # made of elements above


def _is_dropped(element: Any) -> bool:
    if not isinstance(element.tag, str):  # a comment, with the date of the day
        return True
    return element.tag.rpartition("}")[2] in _DROPPED or element.get("class") in _DROPPED_GROUPS
