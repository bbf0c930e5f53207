"""Athena's queries, each with a name in its first line: the service has no names for them.

https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.names import S3Uri

_RUNNING = frozenset({"QUEUED", "RUNNING"})
_SUCCEEDED, _CANCELLED = "SUCCEEDED", "CANCELLED"
_OF_THE_SERVICE = 1  # ErrorCategory: not of the user, nor of another
_MOST_AT_ONCE = 50  # of BatchGetQueryExecution
_LONGEST = timedelta(days=1)  # that a query runs; what began before is over
_FIRST_LOOK, _LAST_LOOK = 0.02, 1.0  # seconds between looks, which grow
_NAME = "-- "


class QueryFailed(Exception):
    """A query is over, and did not succeed. Caught, and explained.

    Attributes:
        statement: its id.
        words: what Athena says.
        is_stopped: whether somebody stopped it.
        passes: whether waiting cures it.
    """

    def __init__(self, execution: Mapping[str, Any]) -> None:
        """Keep what GetQueryExecution says."""
        status = execution["Status"]
        error = status.get("AthenaError", {})
        self.statement: str = execution["QueryExecutionId"]
        self.words: str = status.get("StateChangeReason", "")
        self.is_stopped = status["State"] == _CANCELLED
        is_of_the_service = error.get("ErrorCategory") == _OF_THE_SERVICE
        self.passes = is_of_the_service or bool(error.get("Retryable"))
        super().__init__(self.words)


@dataclass(frozen=True, kw_only=True)
class AthenaSettings:
    """Where queries run, and under which key they write.

    Attributes:
        workgroup: that runs them.
        catalog: and the next, what names without a catalog and a database are looked up in.
        database: see there; empty where nothing is looked up.
        kms_key: ARN of the key; None: as the workgroup or the bucket has it.
    """

    workgroup: str
    catalog: str = ""
    database: str = ""
    kms_key: str | None = None


class AthenaApi:
    """Queries of one workgroup; every call may raise Transient, or AccessRefused."""

    def __init__(
        self, client: Any, settings: AthenaSettings, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Use a boto3 client of ``athena``; ``sleep`` waits so many seconds."""
        self._client = client
        self._settings = settings
        self._sleep = sleep

    def begin(self, query: str, name: str, results: S3Uri) -> str:
        """Begin a query under a name, and return its id; below ``results`` lies what it says."""
        settings = self._settings
        where: dict[str, Any] = {"OutputLocation": f"{results}/"}
        if settings.kms_key:
            encryption = {"EncryptionOption": "SSE_KMS", "KmsKey": settings.kms_key}
            where["EncryptionConfiguration"] = encryption
        with translated():
            answer = self._client.start_query_execution(
                QueryString=f"{_NAME}{name}\n{query}",
                QueryExecutionContext={
                    "Catalog": settings.catalog,
                    "Database": settings.database,
                },
                WorkGroup=settings.workgroup,
                ResultConfiguration=where,
            )
        execution: str = answer["QueryExecutionId"]
        return execution

    def running(self, name: str) -> list[str]:
        """Find the queries of a name that are not over."""
        return [execution for execution, found in self.running_from(name) if found == name]

    def running_from(self, start: str) -> list[tuple[str, str]]:
        """Find the queries that are not over whose names begin so: id and name of each."""
        return [
            (each["QueryExecutionId"], _name(each))
            for each in self._recent()
            if each["Status"]["State"] in _RUNNING and _name(each).startswith(start)
        ]

    def look(self, execution: str) -> Mapping[str, Any] | None:
        """Describe a query that has succeeded; None while it runs.

        Raises:
            QueryFailed: it is over otherwise.
        """
        described = self._describe(execution)
        state = described["Status"]["State"]
        if state in _RUNNING:
            return None
        if state != _SUCCEEDED:
            raise QueryFailed(described)
        return described

    def finish(self, execution: str) -> None:
        """Wait until a query has succeeded.

        Raises:
            QueryFailed: it is over otherwise.
        """
        pause = _FIRST_LOOK
        self._sleep(pause)  # what has just begun is not over
        while self.look(execution) is None:
            pause = min(_LAST_LOOK, pause * 1.5)
            self._sleep(pause)

    def columns(self, execution: str) -> list[tuple[str, str]]:
        """Return name and type of each column of a query's result."""
        with translated():
            answer = self._client.get_query_results(QueryExecutionId=execution, MaxResults=1)
        described = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        return [(each["Name"], each["Type"]) for each in described]

    def cancel(self, execution: str) -> None:
        """Stop a query; one that is over stays as it is."""
        try:
            with translated():
                self._client.stop_query_execution(QueryExecutionId=execution)
        except RequestRefused:
            if self._describe(execution)["Status"]["State"] in _RUNNING:
                raise

    def _recent(self) -> Iterator[Mapping[str, Any]]:
        """Yield the workgroup's queries of the last day, which are listed from the newest on."""
        since = datetime.now(UTC) - _LONGEST
        listing = {"WorkGroup": self._settings.workgroup, "PaginationConfig": {"PageSize": 50}}
        pages = iter(self._client.get_paginator("list_query_executions").paginate(**listing))
        while True:
            with translated():
                page = next(pages, None)
                ids = page["QueryExecutionIds"] if page else []
                if not ids:
                    return
                described = self._client.batch_get_query_execution(
                    QueryExecutionIds=ids[:_MOST_AT_ONCE]
                )["QueryExecutions"]
            yield from described
            if all(each["Status"]["SubmissionDateTime"] < since for each in described):
                return

    def _describe(self, execution: str) -> dict[str, Any]:
        with translated():
            answer = self._client.get_query_execution(QueryExecutionId=execution)
        described: dict[str, Any] = answer["QueryExecution"]
        return described


def _name(execution: Mapping[str, Any]) -> str:
    """Return the name in the first line of a query; empty where it has none."""
    first = str(execution["Query"]).partition("\n")[0]
    return first.removeprefix(_NAME) if first.startswith(_NAME) else ""
