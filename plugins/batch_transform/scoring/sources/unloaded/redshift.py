"""Redshift through its Data API: statements by name, without a connection that is held open.

https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ObjectMissing, RequestRefused, SourceError, Unreachable
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Unload
from batch_transform.scoring.sources.unloaded import redshift_sql as sql
from batch_transform.scoring.sources.unloaded.engine import (
    Engine,
    Question,
    Unloaded,
    UnloadedFile,
)

# https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_DescribeStatement.html
_RUNNING = frozenset({"SUBMITTED", "PICKED", "STARTED"})
_FINISHED, _ABORTED = "FINISHED", "ABORTED"
_LOOK_SECONDS = 1.0
_COUNT, _UNLOADED = 2, 4  # places of the statements that count
# What Redshift says of a failure that passes by itself: a conflict of transactions, a restart.
_PASSING = ("1023", "restart", "currently unavailable", "connection")

_log = logging.getLogger(__name__)


class RedshiftEngine(Engine):
    """Unloads a query of Redshift: all statements are of one transaction.

    The handle is the statement's id, what its columns are, and the prefix, as JSON.
    """

    def __init__(self, client: Any, objects: ObjectStore, settings: Unload) -> None:
        """Use a boto3 client of ``redshift-data``, and the store to which Redshift unloads."""
        self._client = client
        self._objects = objects
        self._settings = settings

    @override
    def begin(self, question: Question, into: S3Uri, name: str) -> str:
        for running in self._running(name):
            _log.warning("Stopping statement %s, which an earlier attempt left running", running)
            self._cancel(running)
        columns = self._columns(question, name)
        sql.check_columns(columns, question)
        statements = sql.unload(question, columns, into, self._settings.iam_role)
        with translated():
            answer = self._client.batch_execute_statement(
                **self._place, Sqls=statements, StatementName=name
            )
        handle = _Handle(id=answer["Id"], into=str(into), instants=sql.instants(columns))
        return handle.to_json()

    @override
    def look(self, handle: str) -> Unloaded | None:
        mine = _Handle.from_json(handle)
        described = self._describe(mine.id)
        if described["Status"] in _RUNNING:
            return None
        self._check_finished(described)
        counted = [
            self._number(described["SubStatements"][place]["Id"]) for place in (_COUNT, _UNLOADED)
        ]
        files = tuple(self._files(S3Uri.parse(mine.into), rows=counted[0]))
        unloaded = Unloaded(
            rows=counted[0],
            instants=mine.instants,
            files=files,
            statement=mine.id,
            read_at=described["CreatedAt"],
        )
        if len({*counted, sum(file.rows for file in files)}) > 1:
            raise SourceError(
                f"Redshift counted {counted[0]} rows of the query, says it unloaded {counted[1]},"
                f" and its manifest has {sum(file.rows for file in files)}; nothing of it is used,"
                " clear the task to unload anew"
            )
        return unloaded

    @override
    def stop(self, handle: str) -> None:
        self._cancel(_Handle.from_json(handle).id)

    @property
    def _place(self) -> dict[str, str]:
        named = {
            "WorkgroupName": self._settings.workgroup,
            "ClusterIdentifier": self._settings.cluster,
            "Database": self._settings.database,
            "DbUser": self._settings.db_user,
            "SecretArn": self._settings.secret,
        }
        return {name: value for name, value in named.items() if value}

    def _running(self, name: str) -> Iterator[str]:
        """Find the statements of a name that are not over."""
        with translated():
            pages = self._client.get_paginator("list_statements").paginate(
                StatementName=name, Status="ALL"
            )
            found = [entry for page in pages for entry in page["Statements"]]
        for entry in found:
            if entry["StatementName"] == name and entry["Status"] in _RUNNING:
                yield entry["Id"]

    def _columns(self, question: Question, name: str) -> list[sql.RedshiftColumn]:
        with translated():
            answer = self._client.execute_statement(
                **self._place, Sql=sql.describe(question), StatementName=name
            )
        while (described := self._describe(answer["Id"]))["Status"] in _RUNNING:
            time.sleep(_LOOK_SECONDS)
        self._check_finished(described)
        with translated():
            result = self._client.get_statement_result(Id=answer["Id"])
        return [
            sql.RedshiftColumn(name=each["name"], type_name=each["typeName"])
            for each in result["ColumnMetadata"]
        ]

    def _describe(self, statement: str) -> dict[str, Any]:
        with translated():
            described: dict[str, Any] = self._client.describe_statement(Id=statement)
        return described

    def _check_finished(self, described: Mapping[str, Any]) -> None:
        status, words = described["Status"], described.get("Error", "")
        if status == _FINISHED:
            return
        if status == _ABORTED:
            raise SourceError(
                f"Statement {described['Id']} was stopped by somebody; clear the task to run it"
                " again"
            )
        if any(passing in words for passing in _PASSING):
            raise Unreachable(f"Redshift failed: {words}")
        raise SourceError(f"Redshift refuses the query: {words}")

    def _number(self, statement: str) -> int:
        with translated():
            result = self._client.get_statement_result(Id=statement)
        number: int = result["Records"][0][0]["longValue"]
        return number

    def _files(self, into: S3Uri, rows: int) -> Iterator[UnloadedFile]:
        """Read the manifest; where there are no rows, there may be none."""
        try:
            manifest = json.loads(self._objects.get(sql.manifest_of(into)))
        except ObjectMissing:
            if rows:
                raise
            return
        for entry in manifest["entries"]:
            uri, meta = entry["url"], entry["meta"]
            yield UnloadedFile(
                uri=uri,
                rows=meta["record_count"],
                bytes=meta["content_length"],
                slice=sql.slice_of(uri) if meta["record_count"] else 0,
            )

    def _cancel(self, statement: str) -> None:
        """Cancel a statement; it may be over meanwhile, which is refused."""
        try:
            with translated():
                self._client.cancel_statement(Id=statement)
        except RequestRefused:
            if self._describe(statement)["Status"] in _RUNNING:
                raise


@dataclass(frozen=True, kw_only=True)
class _Handle:
    id: str
    into: str
    instants: tuple[str, ...]

    def to_json(self) -> str:
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> _Handle:
        content = json.loads(text)
        return cls(**{**content, "instants": tuple(content["instants"])})
