"""The operations of the Data API on statements.

https://docs.aws.amazon.com/redshift-data/latest/APIReference/
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from sagemaker_local import own_s3
from sagemaker_local.redshift.running import OVER, Session, Statement, SubStatement
from sagemaker_local.transform.errors import ApiError, ValidationException

if TYPE_CHECKING:
    from collections.abc import Callable

    from sagemaker_local.settings import Switches

_MOST_STATEMENTS = 40
_MOST_BYTES = 100 << 10
_LONGEST_NAME = 500
_PAGE = 100
_STATUSES = {"ALL", "SUBMITTED", "PICKED", "STARTED", "FINISHED", "FAILED", "ABORTED"}


class ResourceNotFoundException(ApiError):
    """There is no such statement."""


class RedshiftService:
    """All statements; a database of PostgreSQL stands for each of Redshift's.

    Args:
        settings: the switches.
        endpoint_url: of this service, whose S3 is unloaded into.
    """

    def __init__(self, settings: Switches, endpoint_url: str) -> None:
        self._settings = settings
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._statements: dict[str, Statement] = {}
        self._by_token: dict[str, Statement] = {}
        self.dsn = ""
        self.fails_at = 0
        self.handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "BatchExecuteStatement": lambda asked: self._begin(asked, asked.get("Sqls") or []),
            "CancelStatement": self._cancel,
            "DescribeStatement": self._describe,
            "ExecuteStatement": lambda asked: self._begin(asked, [asked.get("Sql") or ""]),
            "GetStatementResult": self._result,
            "ListStatements": self._list,
        }

    def call(self, operation: str, request: dict[str, Any], region: str) -> dict[str, Any]:
        """Carry out one operation.

        Raises:
            ApiError: it is refused.
        """
        return self.handlers[operation](request)

    def reset(self) -> None:
        """Stop and forget all statements, and the database."""
        with self._lock:
            statements = list(self._statements.values())
            self._statements.clear()
            self._by_token.clear()
            self.dsn = ""
            self.fails_at = 0
        for statement in statements:
            statement.cancel()
            statement.join(5)

    def _begin(self, asked: dict[str, Any], texts: list[str]) -> dict[str, Any]:
        self._check(asked, texts)
        session = Session(
            dsn=self.dsn,
            s3=partial(own_s3.client, self._endpoint_url, "redshift"),
            oddity=self._settings["redshift_unload"],
            fails_at=self.fails_at,
        )
        place = {
            name: asked[name]
            for name in ("ClusterIdentifier", "WorkgroupName", "Database", "DbUser", "SecretArn")
            if name in asked
        }
        token = asked.get("ClientToken", "")
        with self._lock:
            known = self._by_token.get(token) if token else None
            statement = known or Statement(asked.get("StatementName", ""), texts, place, session)
            self._statements[statement.id] = statement
            if token:
                self._by_token[token] = statement
        if known is None:
            statement.start()
        return {"Id": statement.id, "CreatedAt": statement.created, **place}

    def _check(self, asked: dict[str, Any], texts: list[str]) -> None:
        if not self.dsn:
            raise ValidationException("No database: PUT /_local/redshift says where one is")
        if not 1 <= len(texts) <= _MOST_STATEMENTS or not all(texts):
            raise ValidationException(f"A batch has 1 to {_MOST_STATEMENTS} statements")
        if any(len(text.encode()) > _MOST_BYTES for text in texts):
            raise ValidationException("A statement has at most 100 KB")
        if ("ClusterIdentifier" in asked) == ("WorkgroupName" in asked):
            raise ValidationException("Either WorkgroupName or ClusterIdentifier is required")
        if "Database" not in asked:
            raise ValidationException("Database is required")
        if len(asked.get("StatementName", "")) > _LONGEST_NAME:
            raise ValidationException(f"StatementName has at most {_LONGEST_NAME} characters")

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        statement, sub = self._found(asked)
        shown = {
            "Id": asked["Id"],
            "CreatedAt": statement.created,
            "UpdatedAt": statement.updated,
            "QueryString": (sub or statement.subs[0]).text,
            "RedshiftPid": 1,
            "RedshiftQueryId": 0,
            **statement.place,
        }
        if sub is not None:
            return {**shown, **_state(sub)}
        shown |= {"Status": statement.status, "HasResultSet": bool(statement.subs[0].columns)}
        if statement.error:
            shown["Error"] = statement.error
        if len(statement.subs) > 1:
            shown["SubStatements"] = [
                {
                    "Id": f"{statement.id}:{number}",
                    "QueryString": each.text,
                    "CreatedAt": statement.created,
                    "UpdatedAt": statement.updated,
                    **_state(each),
                }
                for number, each in enumerate(statement.subs, start=1)
            ]
        return shown

    def _result(self, asked: dict[str, Any]) -> dict[str, Any]:
        statement, sub = self._found(asked)
        mine = sub or statement.subs[0]
        if statement.status != "FINISHED" or not mine.columns:
            raise ResourceNotFoundException("Query does not have result. Please check query status")
        return {
            "ColumnMetadata": mine.columns,
            "Records": mine.rows,
            "TotalNumRows": len(mine.rows),
        }

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        status = asked.get("Status", "ALL")
        if status not in _STATUSES:
            raise ValidationException(f"Status is one of {sorted(_STATUSES)}")
        with self._lock:
            statements = list(self._statements.values())
        found = [
            {
                "Id": each.id,
                "StatementName": each.name,
                "Status": each.status,
                "CreatedAt": each.created,
                "UpdatedAt": each.updated,
                "IsBatchStatement": len(each.subs) > 1,
                "QueryString": each.subs[0].text,
            }
            for each in reversed(statements)
            if each.name.startswith(asked.get("StatementName", ""))
            and status in {"ALL", each.status}
        ]
        start = int(asked.get("NextToken") or 0)
        end = start + int(asked.get("MaxResults") or _PAGE)
        return {
            "Statements": found[start:end],
            **({"NextToken": str(end)} if end < len(found) else {}),
        }

    def _cancel(self, asked: dict[str, Any]) -> dict[str, Any]:
        statement, _ = self._found(asked)
        if statement.status in OVER or not statement.cancel():
            raise ValidationException(f"Could not cancel a query that is {statement.status}")
        return {"Status": True}

    def _found(self, asked: dict[str, Any]) -> tuple[Statement, SubStatement | None]:
        name, _, number = str(asked.get("Id", "")).partition(":")
        with self._lock:
            statement = self._statements.get(name)
        if statement is None or (number and not 1 <= int(number) <= len(statement.subs)):
            raise ResourceNotFoundException("Query does not exist.")
        return statement, statement.subs[int(number) - 1] if number else None


def _state(sub: SubStatement) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Status": sub.status,
        "HasResultSet": bool(sub.columns),
        "ResultRows": len(sub.rows) if sub.columns else -1,
    }
    return {**shown, "Error": sub.error} if sub.error else shown
