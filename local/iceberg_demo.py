"""A day that is loaded into an Iceberg table, and read back as any reader of Iceberg would.

The catalog is pyiceberg's own, in the warehouse's PostgreSQL; the files are in the local S3.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from psycopg.conninfo import conninfo_to_dict
from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy import URL

from local.day_demo import DAY, TARGET, DayDemo
from local.stack import BUCKET, Stack

_NAME, _WAREHOUSE = "laptop", f"s3://{BUCKET}/lake"
_PLACE = f"{{catalog: sql, name: {_NAME}, warehouse: '{_WAREHOUSE}', storage_conn_id: aws_default}}"
_OF_DAY = f"SELECT count(*), avg(late_probability) FROM rows WHERE flight_date = DATE '{DAY}'"  # noqa: S608


@contextmanager
def _catalog(stack: Stack) -> Iterator[SqlCatalog]:
    query = conninfo_to_dict(stack.postgres.dsn("warehouse"))
    uri = URL.create("postgresql+psycopg", query={name: str(each) for name, each in query.items()})
    catalog = SqlCatalog(
        _NAME,
        **{
            "uri": uri.render_as_string(hide_password=False),
            "warehouse": _WAREHOUSE,
            "s3.endpoint": stack.aws_url,
            "s3.region": "us-east-1",
            "s3.access-key-id": "reader",
            "s3.secret-access-key": "not-a-secret",
        },
    )
    try:
        yield catalog
    finally:
        catalog.close()


def _make_namespace(stack: Stack) -> None:
    with _catalog(stack) as catalog:
        catalog.create_namespace("mart")


def _count(stack: Stack) -> tuple[int, int]:
    """Read the table by pyiceberg into DuckDB, and say how it came to be."""
    with _catalog(stack) as catalog:
        table = catalog.load_table("mart.flight_delay")
        rows = table.scan().to_arrow()  # noqa: F841 - DuckDB finds it by its name
        with duckdb.connect() as reader:
            ((count, mean),) = reader.execute(_OF_DAY).fetchall()
        for snapshot in table.snapshots():
            if summary := snapshot.summary:
                added, run = summary["added-records"] or 0, summary["batch-transform.run"]
                print(f"Snapshot {snapshot.snapshot_id} added {added} rows, for run {run}")
        print(f"DuckDB reads {count} rows of {DAY}, mean {mean:.4f}")
        loads = catalog.load_table("mart.batch_transform_ledger").scan().count()
    return count, loads


ICEBERG = DayDemo(
    name="demo-iceberg",
    pipeline="iceberg_flights",
    changes={TARGET: f"  conn_id: warehouse\n  iceberg: {_PLACE}\n  table: mart.flight_delay\n"},
    prepare=_make_namespace,
    count=_count,
    target="the Iceberg table mart.flight_delay",
)
