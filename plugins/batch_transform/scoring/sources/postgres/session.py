"""The transaction in which a query is read: one meaning, whatever the defaults of a session are.

COPY takes no parameters, so values are bound to settings of the transaction; the planner reads
those like constants, since ``current_setting()`` is stable.
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from batch_transform.scoring.partition import Partition
from batch_transform.scoring.sources.refused import failed, refused
from batch_transform.scoring.sources.slices import Slice

SQL = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (Path(__file__).parent / "sql").glob("*.sql")
}
_PARAMETER_TYPES = {
    "partition": "date",
    "partition_start": "timestamptz",
    "partition_end": "timestamptz",
}
# Classes of SQLSTATE that may pass by themselves: the connection, deadlocks, a lack of resources,
# an operator, the server's system, its own errors.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSING = frozenset({"08", "40", "53", "55", "57", "58", "XX"})
_OF_VALUES = "22"  # the class whose messages quote values


def begin(connection: Any, partition: Partition, part: Slice | None) -> datetime:
    """Begin the transaction, bind what the query and the slice read, and return when that was.

    Args:
        connection: of psycopg2, on which nothing was run yet.
        partition: whose bounds are bound; its time zone is the session's, so that a date or a
            timestamp without zone is compared with an instant as one of the partition's days.
        part: whose boundaries are bound.
    """
    connection.set_client_encoding("UTF8")
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with connection.cursor() as cursor:
        cursor.execute(
            SQL["begin"],
            {
                "timezone": partition.timezone,
                "partition": partition.label,
                "partition_start": partition.start.isoformat(),
                "partition_end": partition.end.isoformat(),
            },
        )
        taken_at = datetime.fromisoformat(cursor.fetchone()[-1])
        for name, value in _boundaries(part) if part else ():
            cursor.execute("SELECT set_config(%s, %s, true)", (f"batch_transform.{name}", value))
    return taken_at


def parameter(name: str) -> str:
    """Return the SQL of a parameter of the query."""
    return f"CAST({_setting(name)} AS {_PARAMETER_TYPES[name]})"


def condition(part: Slice, key: str) -> str:
    """Return the condition that a row with this sort key as its first id is of a slice."""
    value = key
    if part.modulus is not None:
        modulus = _typed("modulus", part)
        value = f"(({key} % {modulus} + {modulus}) % {modulus})"  # a remainder may be negative
    bounds = [f"{value} >= {_boundary(number, part)}" for number in range(len(part.floors))]
    if part.ceiling is not None:
        bounds.append(f"{value} < {_boundary(part.number, part)}")
    within = " AND ".join(bounds)
    return within if part.number else f"({within} OR {key} IS NULL)"


def _boundaries(part: Slice) -> Iterator[tuple[str, str]]:
    if part.modulus is not None:
        yield "modulus", str(part.modulus)
    for number, boundary in enumerate(part.boundaries):
        yield f"boundary_{number}", str(boundary)


def _boundary(number: int, part: Slice) -> str:
    return _typed(f"boundary_{number}", part)


def _typed(name: str, part: Slice) -> str:
    return f"CAST({_setting(name)} AS {'text' if part.kind == 'text' else 'bigint'})"


def _setting(name: str) -> str:
    return f"current_setting('batch_transform.{name}')"


@contextmanager
def refusals_of_the_database() -> Iterator[None]:
    """Turn an error that the same query would bring again into a SourceError."""
    import psycopg2  # not at the top: Airflow's parsing of the DAG must stay quick

    try:
        yield
    except psycopg2.Error as error:
        if error.pgcode is None or error.pgcode[:2] in _PASSING:
            raise failed(str(error)) from error
        raise refused(str(error), of_values=error.pgcode.startswith(_OF_VALUES)) from None
