"""Redshift's Data API: statements by name, without a connection that is held open.

https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import RequestRefused

# https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_DescribeStatement.html
_RUNNING = frozenset({"SUBMITTED", "PICKED", "STARTED"})
_FINISHED, _ABORTED, _FAILED = "FINISHED", "ABORTED", "FAILED"
_FIRST_LOOK, _LAST_LOOK = 0.02, 1.0  # seconds between looks, which grow
# What Redshift says of a failure that passes by itself: a conflict of transactions, a restart.
CONFLICT = "1023"
_PASSING = (CONFLICT, "restart", "currently unavailable", "connection")
MOST_STATEMENTS = 40


class StatementFailed(Exception):
    """A statement is over, and did not finish. Caught, and explained.

    Attributes:
        statement: its id.
        words: what Redshift says.
        place: which statement of a batch failed, from 0; None where that is not known.
        is_stopped: whether somebody stopped it.
    """

    def __init__(self, described: Mapping[str, Any]) -> None:
        """Keep what DescribeStatement says."""
        self.statement: str = described["Id"]
        self.words: str = described.get("Error", "")
        self.is_stopped = described["Status"] == _ABORTED
        states = [each["Status"] for each in described.get("SubStatements", ())]
        self.place = states.index(_FAILED) if _FAILED in states else None
        super().__init__(self.words)

    @property
    def passes(self) -> bool:
        """Whether waiting cures it."""
        return any(passing in self.words for passing in _PASSING)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a statement gives.

    Attributes:
        columns: name and type of each.
        rows: values of each row; None where they are NULL.
    """

    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]


class DataApi:
    """Statements of one database; every call may raise Transient, or AccessRefused."""

    def __init__(
        self,
        client: Any,
        place: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use a boto3 client of ``redshift-data``.

        Args:
            client: the client.
            place: the parameters that say where, and as whom.
            sleep: waits so many seconds.
        """
        self._client = client
        self._place = dict(place)
        self._sleep = sleep

    def begin(self, statements: Sequence[str], name: str) -> str:
        """Begin a statement, or several in one transaction, and return its id."""
        more = {**self._place, "StatementName": name}
        with translated():
            if len(statements) == 1:
                answer = self._client.execute_statement(**more, Sql=statements[0])
            else:
                answer = self._client.batch_execute_statement(**more, Sqls=list(statements))
        statement: str = answer["Id"]
        return statement

    def running(self, name: str) -> list[str]:
        """Find the statements of a name that are not over, those of this identity."""
        return [statement for statement, found in self.running_from(name) if found == name]

    def running_from(self, start: str) -> list[tuple[str, str]]:
        """Find the statements that are not over whose names begin so: id and name of each."""
        with translated():
            pages = self._client.get_paginator("list_statements").paginate(
                StatementName=start, Status="ALL"
            )
            found = [entry for page in pages for entry in page["Statements"]]
        return [
            (entry["Id"], entry["StatementName"])
            for entry in found
            if entry["Status"] in _RUNNING and entry["StatementName"].startswith(start)
        ]

    def look(self, statement: str) -> Mapping[str, Any] | None:
        """Describe a statement that has finished; None while it runs.

        Raises:
            StatementFailed: it is over otherwise.
        """
        described = self._describe(statement)
        if described["Status"] in _RUNNING:
            return None
        if described["Status"] != _FINISHED:
            raise StatementFailed(described)
        return described

    def finish(self, statement: str) -> None:
        """Wait until a statement has finished.

        Raises:
            StatementFailed: it is over otherwise.
        """
        pause = _FIRST_LOOK
        self._sleep(pause)  # what has just begun is not over
        while self.look(statement) is None:
            pause = min(_LAST_LOOK, pause * 1.5)
            self._sleep(pause)

    def result(self, statement: str, place: int | None = None) -> Result:
        """Return what a statement has given, or one of a batch, counted from 0."""
        if place is not None:
            statement = self._describe(statement)["SubStatements"][place]["Id"]
        with translated():
            pages = list(self._client.get_paginator("get_statement_result").paginate(Id=statement))
        return Result(
            columns=tuple((each["name"], each["typeName"]) for each in pages[0]["ColumnMetadata"]),
            rows=[tuple(map(_value, row)) for page in pages for row in page["Records"]],
        )

    def cancel(self, statement: str) -> None:
        """Stop a statement; it may be over meanwhile, which is refused."""
        try:
            with translated():
                self._client.cancel_statement(Id=statement)
        except RequestRefused:
            if self._describe(statement)["Status"] in _RUNNING:
                raise

    def _describe(self, statement: str) -> dict[str, Any]:
        with translated():
            described: dict[str, Any] = self._client.describe_statement(Id=statement)
        return described


def _value(field: Mapping[str, Any]) -> Any:
    """Return the one value of a field, https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_Field.html."""
    ((kind, value),) = field.items()
    return None if kind == "isNull" else value
