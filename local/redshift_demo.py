"""A day that the stand-in for Redshift unloads and loads itself."""

from __future__ import annotations

import httpx
import psycopg

from local.day_demo import DAY, SOURCE, TARGET, DayDemo
from local.stack import Stack

_PLACE = "{workgroup: laptop, database: warehouse}"
_COUNTS = """
SELECT (SELECT count(*) FROM mart.flight_delay WHERE flight_date = %(day)s),
    (SELECT count(*) FROM mart.batch_transform_ledger WHERE "partition" = %(day)s)
"""


def _name_database(stack: Stack) -> None:
    """Let the warehouse stand for Redshift's database, with a schema for what it loads."""
    dsn = stack.postgres.dsn("warehouse")
    httpx.put(f"{stack.aws_url}/_local/redshift", json={"dsn": dsn}).raise_for_status()
    with psycopg.connect(dsn) as warehouse:
        warehouse.execute("CREATE SCHEMA mart")


def _count(stack: Stack) -> tuple[int, int]:
    with psycopg.connect(stack.postgres.dsn("warehouse")) as warehouse:
        ((rows, loads),) = warehouse.execute(_COUNTS, {"day": DAY}).fetchall()
    return rows, loads


REDSHIFT = DayDemo(
    name="demo-redshift",
    pipeline="redshift_flights",
    changes={
        SOURCE: "  conn_id: aws_default\n  sql: features.sql\n"
        f"  unload: {_PLACE}\nextract: {{slices: 3}}\nload: {{groups: 2}}\n",
        TARGET: f"  conn_id: aws_default\n  redshift: {_PLACE}\n  table: mart.flight_delay\n",
    },
    prepare=_name_database,
    count=_count,
    target="mart.flight_delay",
)
