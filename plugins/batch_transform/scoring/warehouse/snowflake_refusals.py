"""What Snowflake refuses, as errors of this package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from batch_transform.scoring.errors import TargetLocked, TargetRefused
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.snowflake.snowflake_session import StatementRefused

# https://docs.snowflake.com/en/sql-reference/transactions#lock-wait-timeout
_LOCKED = re.compile("has locked table|lock timeout|LOCK_TIMEOUT|was aborted", re.IGNORECASE)
_PRIVILEGE = re.compile("Insufficient privileges|not authorized", re.IGNORECASE)


@contextmanager
def refusals(target: Target) -> Iterator[None]:
    """Turn what Snowflake says into errors of this package."""
    try:
        yield
    except StatementRefused as refused:
        said = f"nothing was changed. It said: {refused.words}"
        if refused.is_stopped:
            raise TargetRefused(
                f"A statement that loads {target.table} was stopped by somebody; nothing was"
                " changed. Clear the task to load again"
            ) from refused
        if _LOCKED.search(refused.words):
            raise TargetLocked(f"Others hold {target.table}; {said}") from refused
        if _PRIVILEGE.search(refused.words):
            raise TargetRefused(
                f"The role of Snowflake lacks a privilege for {target.table}, or there is no such"
                f" schema or stage; docs/snowflake.md lists the grants; {said}"
            ) from refused
        raise TargetRefused(f"Snowflake refuses to load {target.table}; {said}") from refused
