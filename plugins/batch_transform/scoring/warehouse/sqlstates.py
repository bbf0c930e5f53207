"""What PostgreSQL refuses, as errors of this package: one table.

https://www.postgresql.org/docs/18/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from batch_transform.scoring.errors import ScoringError, TargetLocked, TargetRefused, Unreachable

# The first that an error is of counts.
_OF_ERRORS: tuple[tuple[type[psycopg.Error], type[ScoringError], str], ...] = (
    (
        errors.ForeignKeyViolation,
        TargetRefused,
        "Rows of another table refer to rows of {target}. Set target.swap: upsert, which leaves"
        " rows alone whose ids stay; or declare the foreign key ON DELETE CASCADE, which deletes"
        " those rows with each load",
    ),
    (errors.IntegrityError, TargetRefused, "A constraint of {target} refuses the rows"),
    (errors.DataError, TargetRefused, "A column of {target} does not take a value"),
    (
        errors.ProgramLimitExceeded,
        TargetRefused,
        "A value is too long for PostgreSQL, such as an id of more than about 2,700 bytes for the"
        " index of {target}",
    ),
    (
        errors.InsufficientPrivilege,
        TargetRefused,
        "The connection's role lacks a privilege for {target}; docs/pipeline.md lists the grants",
    ),
    (
        errors.DuplicateTable,
        TargetRefused,
        "A table beside {target} has the name of the partition's new one, and is none of its"
        " partitions; rename it",
    ),
    (
        errors.ReadOnlySqlTransaction,
        Unreachable,
        "The warehouse of {target} takes no writes: it is a standby, or"
        " default_transaction_read_only is on for the connection's role or database",
    ),
    (errors.LockNotAvailable, TargetLocked, "Others hold {target}"),
    (errors.OperationalError, Unreachable, "The warehouse of {target} does not answer"),
    (errors.InterfaceError, Unreachable, "The connection to the warehouse of {target} is lost"),
    (psycopg.Error, TargetRefused, "PostgreSQL refuses to load {target}"),
)


@contextmanager
def refusals(target: str) -> Iterator[None]:
    """Turn what psycopg raises into errors of this package."""
    try:
        yield
    except psycopg.Error as error:
        _, ours, what = next(row for row in _OF_ERRORS if isinstance(error, row[0]))
        text = f"{what.format(target=target)}; nothing was changed. It said: {error}"
        raise ours(text) from error
