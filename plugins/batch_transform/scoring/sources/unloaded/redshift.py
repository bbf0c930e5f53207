"""Redshift as an engine that unloads, asked through its Data API."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from typing_extensions import override

from batch_transform.scoring.aws.data_api import DataApi, StatementFailed
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ObjectMissing, SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.sources.unloaded import redshift_sql as sql
from batch_transform.scoring.sources.unloaded.asked_rows import check_columns, slice_of
from batch_transform.scoring.sources.unloaded.engine import (
    Engine,
    Question,
    Unloaded,
    UnloadedFile,
)
from batch_transform.scoring.sources.unloaded.statement_over import UnloadHandle, refusal

_COUNT, _UNLOADED = 2, 4  # places of the statements that count

_log = logging.getLogger(__name__)


class RedshiftEngine(Engine):
    """Unloads a query of Redshift: all statements are of one transaction.

    The handle is the statement's id, what its columns are, and the prefix, as JSON.
    """

    def __init__(self, api: DataApi, objects: ObjectStore, iam_role: str) -> None:
        """Ask a database, which unloads to a store by a role."""
        self._api = api
        self._objects = objects
        self._role = iam_role

    @override
    def begin(self, question: Question, into: S3Uri, name: str) -> str:
        for running in self._api.running(name):
            _log.warning("Stopping statement %s, which an earlier attempt left running", running)
            self._api.cancel(running)
        columns = self._columns(question, name)
        check_columns([each.as_column for each in columns], question)
        statement = self._api.begin(sql.unload(question, columns, into, self._role), name)
        handle = UnloadHandle(id=statement, into=str(into), instants=sql.instants(columns))
        return handle.to_json()

    @override
    def look(self, handle: str) -> Unloaded | None:
        mine = UnloadHandle.from_json(handle)
        try:
            described = self._api.look(mine.id)
        except StatementFailed as failed:
            raise refusal(failed, "Redshift") from failed
        if described is None:
            return None
        counted = [
            int(self._api.result(mine.id, place).rows[0][0]) for place in (_COUNT, _UNLOADED)
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
        self._api.cancel(UnloadHandle.from_json(handle).id)

    def _columns(self, question: Question, name: str) -> list[sql.RedshiftColumn]:
        described = self._api.begin([sql.describe(question)], name)
        try:
            self._api.finish(described)
        except StatementFailed as failed:
            raise refusal(failed, "Redshift") from failed
        found = self._api.result(described).columns
        return [sql.RedshiftColumn(name=column, type_name=kind) for column, kind in found]

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
                slice=slice_of(uri) if meta["record_count"] else 0,
            )
