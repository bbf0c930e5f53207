"""Athena as an engine that unloads."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from batch_transform.scoring.aws.athena_api import AthenaApi, QueryFailed
from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import ManifestError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.sources.files.parquet_format import rows_at
from batch_transform.scoring.sources.unloaded import athena_sql as sql
from batch_transform.scoring.sources.unloaded.asked_rows import check_columns, slice_of
from batch_transform.scoring.sources.unloaded.engine import (
    Engine,
    Question,
    Unloaded,
    UnloadedFile,
)
from batch_transform.scoring.sources.unloaded.statement_over import UnloadHandle, refusal

_RESULTS = "unload-results"  # beside what is unloaded, whose prefix must be empty

_log = logging.getLogger(__name__)


class AthenaEngine(Engine):
    """Unloads a query of Athena, which counts no rows: the files' own footers say how many."""

    def __init__(self, api: AthenaApi, objects: ObjectStore) -> None:
        """Ask a workgroup, which unloads to a store."""
        self._api = api
        self._objects = objects

    @override
    def begin(self, question: Question, into: S3Uri, name: str) -> str:
        for running in self._api.running(name):
            _log.warning("Stopping query %s, which an earlier attempt left running", running)
            self._api.cancel(running)
        results = S3Uri(into.bucket, into.key.rpartition("/")[0]) / _RESULTS
        columns = self._columns(question, name, results)
        check_columns([each.as_column for each in columns], question)
        execution = self._api.begin(sql.unload(question, columns, into), name, results)
        handle = UnloadHandle(id=execution, into=str(into), instants=sql.instants(columns))
        return handle.to_json()

    @override
    def look(self, handle: str) -> Unloaded | None:
        mine = UnloadHandle.from_json(handle)
        try:
            described = self._api.look(mine.id)
        except QueryFailed as failed:
            raise refusal(failed, "Athena") from failed
        if described is None:
            return None
        files = tuple(self._files(described, S3Uri.parse(mine.into)))
        return Unloaded(
            rows=sum(file.rows for file in files),
            instants=mine.instants,
            files=files,
            statement=mine.id,
            read_at=described["Status"]["SubmissionDateTime"],
        )

    @override
    def stop(self, handle: str) -> None:
        self._api.cancel(UnloadHandle.from_json(handle).id)

    def _columns(self, question: Question, name: str, results: S3Uri) -> list[sql.AthenaColumn]:
        described = self._api.begin(sql.describe(question), name, results)
        try:
            self._api.finish(described)
        except QueryFailed as failed:
            raise refusal(failed, "Athena") from failed
        found = self._api.columns(described)
        return [sql.AthenaColumn(name=column, type_name=kind) for column, kind in found]

    def _files(self, described: Mapping[str, Any], into: S3Uri) -> Iterator[UnloadedFile]:
        """Hold the files to those that the query's manifest lists, and count their rows."""
        there = {str(stored.uri): stored for stored in self._objects.listed(into / "")}
        manifest = described.get("Statistics", {}).get("DataManifestLocation")
        text = self._objects.get(S3Uri.parse(manifest)).decode() if manifest else ""
        listed = set(text.split())
        if listed != set(there):
            named = ", ".join(sorted(listed ^ set(there))[:3])
            raise ManifestError(
                f"There are files that Athena did not list, or some are gone: {named}. Clear"
                " unload, which unloads anew"
            )
        for uri, stored in there.items():
            yield UnloadedFile(
                uri=uri,
                rows=rows_at(self._objects, stored),
                bytes=self._objects.size(stored.uri),
                slice=slice_of(uri),
            )
