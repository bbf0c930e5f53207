"""Scores a day of flights twice, by a pipeline with another source or target, and counts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local.airflow import choose_port
from local.demo import Progress
from local.errors import LocalError
from local.results import job_names
from local.stack import PIPELINES, Say, Stack, StackSettings, running_stack

DAY = "2013-06-01"
SOURCE = "  conn_id: warehouse\n  sql: features.sql\n"
TARGET = "  conn_id: warehouse\n  table: predictions.flight_delay\n"
_SOURCE_ROWS = "SELECT count(*) FROM source.flights WHERE make_date(year, month, day) = %s"


@dataclass(frozen=True, kw_only=True)
class DayDemo:
    """A demo of one day.

    Attributes:
        name: of the stack.
        pipeline: name of the pipeline, which is that of the flights with some changes.
        changes: texts of its settings, and what stands there instead.
        prepare: makes what the pipeline needs, on a running stack.
        count: how many rows, and how many loads, of the day the target has at the end.
        target: what the target is called.
    """

    name: str
    pipeline: str
    changes: Mapping[str, str]
    prepare: Callable[[Stack], None]
    count: Callable[[Stack], tuple[int, int]]
    target: str


def run_day(demo: DayDemo, say: Say) -> bool:
    """Run a demo on a stack of its own; return whether every count agrees.

    Raises:
        LocalError: something failed; the message says what, and where to look.
    """
    with tempfile.TemporaryDirectory(prefix=f"{demo.name}-") as folder:
        _write_pipeline(demo, Path(folder))
        settings = StackSettings(
            name=demo.name,
            port=choose_port(None),
            fresh=True,
            variables={
                "BATCH_TRANSFORM_PIPELINES": folder,
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            },
        )
        with running_stack(settings, say) as stack:
            demo.prepare(stack)
            progress = Progress(stack, say)
            say(f"Trigger twice, with the parameter partition = {DAY}")
            for count in (1, 2):
                stack.api.trigger(demo.pipeline, {"partition": DAY})
                progress.await_runs(count)
            return _agrees(demo, stack)


def _write_pipeline(demo: DayDemo, folder: Path) -> None:
    """Make of the flights' pipeline another one."""
    shutil.copytree(PIPELINES / "flight_delay", folder / demo.pipeline)
    settings = folder / demo.pipeline / "pipeline.yaml"
    text = settings.read_text(encoding="utf-8")
    for before, after in demo.changes.items():
        if before not in text:
            raise LocalError(f"{PIPELINES}/flight_delay/pipeline.yaml is not what the demo changes")
        text = text.replace(before, after)
    settings.write_text(text, encoding="utf-8")


def _agrees(demo: DayDemo, stack: Stack) -> bool:
    with psycopg.connect(stack.postgres.dsn("warehouse")) as warehouse:
        ((source,),) = warehouse.execute(_SOURCE_ROWS, [DAY]).fetchall()
    rows, loads = demo.count(stack)
    jobs = len(job_names(stack.aws_url))
    print(f"{source} rows in the source, {rows} in {demo.target}; {loads} load, {jobs} job.")
    agrees = (source, loads, jobs) == (rows, 1, 1) and rows > 0
    print("Every count agrees." if agrees else "COUNTS DISAGREE: compare the numbers above.")
    return bool(agrees)
