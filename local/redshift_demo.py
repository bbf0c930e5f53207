"""Scores a day that the stand-in for Redshift unloads and loads itself, and shows the result."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import httpx
import psycopg

from local.airflow import choose_port
from local.demo import Progress
from local.errors import LocalError
from local.results import job_names
from local.stack import PIPELINES, Say, Stack, StackSettings, running_stack

PIPELINE = "redshift_flights"
DAY = "2013-06-01"
_PLACE = "{workgroup: laptop, database: warehouse}"
_CHANGES = {
    "  conn_id: warehouse\n  sql: features.sql\n": "  conn_id: aws_default\n  sql: features.sql\n"
    f"  unload: {_PLACE}\nextract: {{slices: 3}}\nload: {{groups: 2}}\n",
    "  conn_id: warehouse\n  table: predictions.flight_delay\n": "  conn_id: aws_default\n"
    f"  redshift: {_PLACE}\n  table: mart.flight_delay\n",
}
_COUNTS = """
SELECT (SELECT count(*) FROM source.flights WHERE make_date(year, month, day) = %(day)s),
    (SELECT count(*) FROM mart.flight_delay WHERE flight_date = %(day)s),
    (SELECT count(*) FROM mart.batch_transform_ledger WHERE "partition" = %(day)s)
"""


def run_redshift_demo(say: Say) -> bool:
    """Run the demo on a stack of its own; return whether every count agrees.

    Raises:
        LocalError: something failed; the message says what, and where to look.
    """
    with tempfile.TemporaryDirectory(prefix="redshift-demo-") as folder:
        _write_pipeline(Path(folder))
        settings = StackSettings(
            name="demo-redshift",
            port=choose_port(None),
            fresh=True,
            variables={
                "BATCH_TRANSFORM_PIPELINES": folder,
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            },
        )
        with running_stack(settings, say) as stack:
            _name_database(stack)
            progress = Progress(stack, say)
            say(f"Trigger twice, with the parameter partition = {DAY}")
            for count in (1, 2):
                stack.api.trigger(PIPELINE, {"partition": DAY})
                progress.await_runs(count)
            return _agrees(stack)


def _write_pipeline(folder: Path) -> None:
    """Make of the flights' pipeline another one, whose source and target are Redshift's."""
    shutil.copytree(PIPELINES / "flight_delay", folder / PIPELINE)
    settings = folder / PIPELINE / "pipeline.yaml"
    text = settings.read_text(encoding="utf-8")
    for before, after in _CHANGES.items():
        if before not in text:
            raise LocalError(f"{PIPELINES}/flight_delay/pipeline.yaml is not what the demo changes")
        text = text.replace(before, after)
    settings.write_text(text, encoding="utf-8")


def _name_database(stack: Stack) -> None:
    """Let the warehouse stand for Redshift's database, with a schema for what it loads."""
    dsn = stack.postgres.dsn("warehouse")
    httpx.put(f"{stack.aws_url}/_local/redshift", json={"dsn": dsn}).raise_for_status()
    with psycopg.connect(dsn) as warehouse:
        warehouse.execute("CREATE SCHEMA mart")


def _agrees(stack: Stack) -> bool:
    with psycopg.connect(stack.postgres.dsn("warehouse")) as warehouse:
        ((source, rows, loads),) = warehouse.execute(_COUNTS, {"day": DAY}).fetchall()
    jobs = len(job_names(stack.aws_url))
    print(f"{source} rows in the source, {rows} in mart.flight_delay; {loads} load, {jobs} job.")
    agrees = (source, loads, jobs) == (rows, 1, 1) and rows > 0
    print("Every count agrees." if agrees else "COUNTS DISAGREE: compare the numbers above.")
    return bool(agrees)
