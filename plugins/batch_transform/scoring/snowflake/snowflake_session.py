"""A session of Snowflake's, on a connection of its connector for Python.

https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-api
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_transform.scoring.errors import AccessRefused, Unreachable
from batch_transform.scoring.queries import queries
from batch_transform.scoring.snowflake.snowflake_text import spelt

_SQL = Path(__file__).parent / "session.sql"
_STOPPED = 604  # "SQL execution canceled"
_STATES_STOPPED = frozenset({"ABORTING", "ABORTED"})
_RUNNING = ("RUNNING", "QUEUED", "BLOCKED", "RESUMING_WAREHOUSE", "QUEUED_REPAIRING_WAREHOUSE")


class StatementRefused(Exception):
    """A statement is over, and did not succeed. Caught, and explained.

    Attributes:
        statement: its id; empty where it got none.
        words: what Snowflake says.
        is_stopped: whether somebody stopped it.
    """

    def __init__(self, words: str, *, statement: str = "", is_stopped: bool = False) -> None:
        """Keep what Snowflake says."""
        self.statement = statement
        self.words = words
        self.is_stopped = is_stopped
        super().__init__(words)


@dataclass(frozen=True, kw_only=True)
class ResultColumn:
    """A column of a query's result.

    Attributes:
        name: its name.
        type_name: as Snowflake's API has it: ``FIXED``, ``REAL``, ``TEXT``, ``TIMESTAMP_TZ``.
        scale: digits after the point of a ``FIXED``.
    """

    name: str
    type_name: str
    scale: int = 0


class Session:
    """Statements of one session; every call may raise Transient, or AccessRefused."""

    def __init__(self, connection: Any) -> None:
        """Run on an open connection of Snowflake's connector."""
        self._connection = connection

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement to its end, and return its rows.

        Raises:
            StatementRefused: Snowflake refuses it, or somebody stopped it.
        """
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(statement)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def describe(self, query: str) -> list[ResultColumn]:
        """Return the columns of a query, which is not run.

        Raises:
            StatementRefused: Snowflake refuses it.
        """
        from snowflake.connector.constants import FIELD_ID_TO_NAME

        with translated(), self._connection.cursor() as cursor:
            described = cursor.describe(query)
        return [
            ResultColumn(
                name=each.name, type_name=FIELD_ID_TO_NAME[each.type_code], scale=each.scale or 0
            )
            for each in described
        ]

    def begin(self, statement: str) -> str:
        """Begin a statement, which goes on whatever becomes of the session; return its id.

        Raises:
            StatementRefused: Snowflake refuses it.
        """
        with translated(), self._connection.cursor() as cursor:
            begun: str = cursor.execute_async(statement)["queryId"]
        return begun

    def look(self, statement: str) -> list[tuple[Any, ...]] | None:
        """Return the rows of a statement that has succeeded; None while it runs.

        Raises:
            StatementRefused: it is over otherwise.
        """
        with translated(statement), self._connection.cursor() as cursor:
            status = self._connection.get_query_status(statement)
            if status.name in _STATES_STOPPED:
                raise StatementRefused("it was cancelled", statement=statement, is_stopped=True)
            if self._connection.is_an_error(status):
                self._connection.get_query_status_throw_if_error(statement)
            if status.name != "SUCCESS":
                return None
            cursor.get_results_from_sfqid(statement)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def cancel(self, statement: str) -> None:
        """Stop a statement; one that is over stays as it is."""
        self.run(queries(_SQL)["cancel"].format(statement=spelt(statement)))

    def running_from(self, start: str) -> list[tuple[str, str]]:
        """Find this user's statements that run, whose tags begin so: id and tag of each."""
        states = ", ".join(map(spelt, _RUNNING))
        running = queries(_SQL)["running"].format(start=spelt(start), states=states)
        return [(statement, tag) for statement, tag in self.run(running)]

    def close(self) -> None:
        """End the session, and roll back what is not committed."""
        with translated():
            self._connection.close()


OpenSession = Callable[[], AbstractContextManager[Session]]


class StatementsOfOthers:
    """Statements that others have begun: each look at them is a session of its own."""

    def __init__(self, open_session: OpenSession) -> None:
        """Look into an account."""
        self._open = open_session

    def running_from(self, start: str) -> list[tuple[str, str]]:
        """Find this user's statements that run, whose tags begin so: id and tag of each."""
        with self._open() as session:
            return session.running_from(start)

    def cancel(self, statement: str) -> None:
        """Stop a statement; one that is over stays as it is."""
        with self._open() as session, suppress(StatementRefused):
            session.cancel(statement)


@contextmanager
def translated(statement: str = "") -> Iterator[None]:
    """Turn what the connector raises into errors of this package.

    https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-api#error
    """
    from snowflake.connector import errors

    try:
        yield
    except (errors.ForbiddenError, errors.TokenExpiredError) as error:
        raise AccessRefused(f"Snowflake does not let us in: {error.msg}") from error
    except errors.ProgrammingError as error:
        raise StatementRefused(
            str(error.msg or error),
            statement=statement or str(error.sfqid or ""),
            is_stopped=error.errno == _STOPPED,
        ) from error
    except errors.Error as error:
        raise Unreachable(f"Snowflake does not answer: {error}") from error
