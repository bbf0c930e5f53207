"""Athena's API for queries.

https://docs.aws.amazon.com/athena/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from sagemaker_local import own_s3
from sagemaker_local.athena.execution import OVER, SUCCEEDED, Execution, Surroundings
from sagemaker_local.transform.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sagemaker_local.settings import Switches

_MOST_BYTES = 262_144
_MOST_AT_ONCE = 50
_PAGE = 50


class InvalidRequestException(ApiError):
    """Something of a request is wrong, or there is no such query."""


class AthenaService:
    """All queries; a database of PostgreSQL stands for the catalog.

    Args:
        settings: the switches.
        endpoint_url: of this service, whose S3 is unloaded into.
    """

    def __init__(self, settings: Switches, endpoint_url: str) -> None:
        self._settings = settings
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._executions: dict[str, Execution] = {}
        self._by_token: dict[str, Execution] = {}
        self.dsn = ""
        self._handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "BatchGetQueryExecution": self._describe_some,
            "GetQueryExecution": self._describe,
            "GetQueryResults": self._results,
            "ListQueryExecutions": self._list,
            "StartQueryExecution": self._start,
            "StopQueryExecution": self._stop,
        }

    @property
    def handlers(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """The operations; none where no database is named, and moto answers."""
        return self._handlers if self.dsn else {}

    def call(self, operation: str, request: dict[str, Any], region: str) -> dict[str, Any]:
        """Carry out one operation.

        Raises:
            ApiError: it is refused.
        """
        return self._handlers[operation](request)

    def reset(self) -> None:
        """Stop and forget all queries, and the database."""
        with self._lock:
            executions = list(self._executions.values())
            self._executions.clear()
            self._by_token.clear()
            self.dsn = ""
        for execution in executions:
            execution.stop()
            execution.join(5)

    def _start(self, asked: dict[str, Any]) -> dict[str, Any]:
        text, token = asked.get("QueryString") or "", asked.get("ClientRequestToken", "")
        if not text or len(text.encode()) > _MOST_BYTES:
            raise InvalidRequestException(f"A query has 1 to {_MOST_BYTES} bytes")
        if not asked.get("ResultConfiguration", {}).get("OutputLocation", "").startswith("s3://"):
            raise InvalidRequestException("No output location provided")
        if token and not 32 <= len(token) <= 128:
            raise InvalidRequestException("ClientRequestToken has 32 to 128 characters")
        around = Surroundings(
            dsn=self.dsn,
            s3=partial(own_s3.client, self._endpoint_url, "athena"),
            oddity=self._settings["athena_unload"],
        )
        with self._lock:
            known = self._by_token.get(token)
            if known is not None and known.asked["QueryString"] != text:
                raise InvalidRequestException("Idempotent parameters do not match")
            execution = known or Execution(asked=asked, around=around)
            self._executions[execution.id] = execution
            if token:
                self._by_token[token] = execution
        if known is None:
            execution.start()
        return {"QueryExecutionId": execution.id}

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"QueryExecution": _shown(self._found(asked.get("QueryExecutionId")))}

    def _describe_some(self, asked: dict[str, Any]) -> dict[str, Any]:
        ids = asked.get("QueryExecutionIds") or []
        if not 1 <= len(ids) <= _MOST_AT_ONCE:
            raise InvalidRequestException(f"1 to {_MOST_AT_ONCE} queries are described at once")
        return {"QueryExecutions": [_shown(self._found(each)) for each in ids]}

    def _results(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._found(asked.get("QueryExecutionId"))
        if execution.state != SUCCEEDED:
            raise InvalidRequestException(f"Query has not yet finished: {execution.state}")
        return {"ResultSet": {"Rows": [], "ResultSetMetadata": {"ColumnInfo": execution.columns}}}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        workgroup = asked.get("WorkGroup", "primary")
        with self._lock:
            found = [
                each.id
                for each in reversed(self._executions.values())
                if each.asked.get("WorkGroup", "primary") == workgroup
            ]
        start = int(asked.get("NextToken") or 0)
        end = start + int(asked.get("MaxResults") or _PAGE)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return {"QueryExecutionIds": found[start:end], **more}

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._found(asked.get("QueryExecutionId")).stop()
        return {}

    def _found(self, name: Any) -> Execution:
        with self._lock:
            execution = self._executions.get(name)
        if execution is None:
            raise InvalidRequestException(f"QueryExecution {name} was not found")
        return execution


def _shown(execution: Execution) -> dict[str, Any]:
    status: dict[str, Any] = {
        "State": execution.state,
        "SubmissionDateTime": execution.submitted,
    }
    if execution.reason:
        status["StateChangeReason"] = execution.reason
    if execution.state in OVER - {SUCCEEDED} and execution.reason:
        status["AthenaError"] = {"ErrorCategory": execution.category, "Retryable": False}
    shown = {
        "QueryExecutionId": execution.id,
        "Query": execution.asked["QueryString"],
        "StatementType": "DML",
        "ResultConfiguration": execution.asked["ResultConfiguration"],
        "QueryExecutionContext": execution.asked.get("QueryExecutionContext", {}),
        "WorkGroup": execution.asked.get("WorkGroup", "primary"),
        "Status": status,
    }
    if execution.manifest:
        shown["Statistics"] = {"DataManifestLocation": execution.manifest}
    return shown
