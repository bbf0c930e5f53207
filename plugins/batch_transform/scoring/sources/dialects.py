"""What databases other than PostgreSQL need so that a partition's bounds mean the same on each."""

from __future__ import annotations

import logging
import sqlite3
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError

from batch_transform.scoring.errors import SourceError, Unreachable
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline.query import parameters
from batch_transform.scoring.sources.refused import failed, refused

_SQLITE = "sqlite"
_SET_TIMEZONE = {
    "duckdb": "SET TimeZone = '{}'",
    "postgresql": "SET timezone TO '{}'",  # not PostgreSQL itself, which has a source of its own
    "redshift": "SET timezone TO '{}'",
    "snowflake": "ALTER SESSION SET TIMEZONE = '{}'",
}

_log = logging.getLogger(__name__)


def set_timezone(connection: Connection, timezone: str, query: str) -> None:
    """Make the pipeline's time zone the session's, or warn that it is not."""
    name = connection.dialect.name
    if name in _SET_TIMEZONE:
        connection.execute(text(_SET_TIMEZONE[name].format(timezone)))
    elif name != _SQLITE and parameters(query) & {"partition_start", "partition_end"}:
        _log.warning(
            "The time zone of a session of %s is not set to %s: in the query compare a date, or a"
            " timestamp without time zone, with :partition and not with :partition_start",
            name,
            timezone,
        )


def bound_values(connection: Connection, partition: Partition) -> dict[str, date | datetime | str]:
    """Return the values of the query's parameters.

    SQLite compares texts, so there the bounds are the texts of days: no longer text of a day is
    less than its first characters.
    """
    if connection.dialect.name == _SQLITE:
        following = (partition.day + timedelta(days=1)).isoformat()
        return {
            "partition": partition.label,
            "partition_start": partition.label,
            "partition_end": following,
        }
    return {
        "partition": partition.day,
        "partition_start": partition.start,
        "partition_end": partition.end,
    }


def explained(error: DBAPIError) -> SourceError | Unreachable:
    """Return what an error of a database is: a refusal, or what may pass by itself."""
    cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):  # a mistake in a query is one, too
        passing = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR
    else:
        passing = isinstance(error, OperationalError | InterfaceError)
    if passing:
        return failed(str(cause))
    return refused(str(cause), of_values=isinstance(error, DataError))
