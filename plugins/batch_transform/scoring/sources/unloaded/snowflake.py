"""Snowflake as an engine that unloads: one COPY that goes on by itself, found again by its tag."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from typing_extensions import override

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.snowflake.snowflake_session import (
    OpenSession,
    Session,
    StatementRefused,
)
from batch_transform.scoring.snowflake.snowflake_stage import ExternalStage
from batch_transform.scoring.sources.unloaded import snowflake_sql as sql
from batch_transform.scoring.sources.unloaded.asked_rows import check_columns
from batch_transform.scoring.sources.unloaded.engine import (
    Engine,
    Question,
    Unloaded,
    UnloadedFile,
)

_log = logging.getLogger(__name__)


class SnowflakeEngine(Engine):
    """Unloads a query of Snowflake by a stage; no session is held open while it runs.

    The handle is the statement's id, what its columns are, the prefix, and a moment before, as
    JSON.
    """

    def __init__(self, open_session: OpenSession, stage: str) -> None:
        """Ask an account, which unloads to a stage of S3."""
        self._open = open_session
        self._stage = stage

    @override
    def begin(self, question: Question, into: S3Uri, name: str) -> str:
        with self._open() as session:
            for running, tag in session.running_from(name):
                if tag == name:
                    _log.warning("Stopping statement %s, which an earlier attempt left", running)
                    session.cancel(running)
            try:
                return self._begin(session, question, into, name).to_json()
            except StatementRefused as refused:
                raise _refusal(refused) from refused

    @override
    def look(self, handle: str) -> Unloaded | None:
        mine = _Handle.from_json(handle)
        with self._open() as session:
            try:
                told = session.look(mine.id)
            except StatementRefused as refused:
                raise _refusal(refused) from refused
        if told is None:
            return None
        stage, into = ExternalStage(name=self._stage, url=mine.url), S3Uri.parse(mine.into)
        files = tuple(
            UnloadedFile(
                uri=stage.uri(name, into), rows=int(rows), bytes=int(size), slice=sql.slice_of(name)
            )
            for name, size, rows in told
        )
        return Unloaded(
            rows=sum(file.rows for file in files),
            instants=mine.instants,
            files=files,
            statement=mine.id,
            read_at=datetime.fromisoformat(mine.read_at).replace(tzinfo=UTC),
        )

    @override
    def stop(self, handle: str) -> None:
        with self._open() as session, suppress(StatementRefused):  # it is over
            session.cancel(_Handle.from_json(handle).id)

    def _begin(self, session: Session, question: Question, into: S3Uri, name: str) -> _Handle:
        stage = ExternalStage.found(session, self._stage)
        session.run(sql.set_session(question, name))
        columns = sql.named(session.describe(sql.describe(question)), question.pipeline)
        check_columns([each.as_column for each in columns], question)
        ((read_at,),) = session.run(sql.now())
        return _Handle(
            id=session.begin(sql.unload(question, columns, stage, into)),
            into=str(into),
            url=stage.url,
            instants=sql.instants(columns),
            read_at=read_at.isoformat(),
        )


def _refusal(refused: StatementRefused) -> SourceError:
    if refused.is_stopped:
        return SourceError(
            f"Statement {refused.statement} was stopped by somebody; clear the task to run it again"
        )
    return SourceError(f"Snowflake refuses the query: {refused.words}")


@dataclass(frozen=True, kw_only=True)
class _Handle:
    id: str
    into: str
    url: str
    instants: tuple[str, ...]
    read_at: str

    def to_json(self) -> str:
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> _Handle:
        content = json.loads(text)
        return cls(**{**content, "instants": tuple(content["instants"])})
