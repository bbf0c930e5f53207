"""Snowflake's API over HTTP, as far as its connector for Python asks for it.

https://github.com/snowflakedb/snowflake-connector-python
"""

from __future__ import annotations

import gzip
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.snowflake.account import DATABASE, SCHEMA, Account, Run
from local.snowflake.answer import Refused
from local.snowflake.session import Session

_IN_PROGRESS = "333334"  # the statement goes on by itself
_NO_TELEMETRY = {"name": "CLIENT_TELEMETRY_ENABLED", "value": False}  # nobody reads it
_TOKEN = slice(len('Snowflake Token="'), -1)


class Api:
    """The routes of one account."""

    def __init__(self, account: Account) -> None:
        """Serve an account."""
        self._account = account
        self._sessions: dict[str, Session] = {}

    @property
    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/session/v1/login-request", self.login, methods=["POST"]),
                Route("/session", self.end, methods=["POST"]),
                Route("/session/heartbeat", self.nothing, methods=["POST"]),
                Route("/telemetry/send", self.nothing, methods=["POST"]),
                Route("/queries/v1/abort-request", self.nothing, methods=["POST"]),
                Route("/queries/v1/query-request", self.query, methods=["POST"]),
                Route("/monitoring/queries/{identity}", self.status, methods=["GET"]),
            ]
        )

    async def login(self, request: Request) -> JSONResponse:
        """Open a session for whoever asks."""
        data = (await _content(request))["data"]
        token = secrets.token_urlsafe()
        session = await run_in_threadpool(Session, self._account)
        session.parameters |= data.get("SESSION_PARAMETERS") or {}
        self._sessions[token] = session
        info = {"databaseName": DATABASE, "schemaName": SCHEMA}
        told = {"parameters": [_NO_TELEMETRY], "sessionInfo": info}
        return _good({"token": token, "masterToken": token, **told})

    async def end(self, request: Request) -> JSONResponse:
        """End a session, and roll back what it has open."""
        session = self._sessions.pop(_token(request), None)
        if session is not None:
            await run_in_threadpool(session.abort)
        return _good(None)

    async def nothing(self, request: Request) -> JSONResponse:
        """Agree."""
        return _good(None)

    async def query(self, request: Request) -> JSONResponse:
        """Run a statement, begin one, or describe one."""
        content, session = await _content(request), self._sessions.get(_token(request))
        if session is None:
            return _bad(Refused("Session no longer exists. New login required.", 390111, "08001"))
        text = content["sqlText"]
        run = self._account.begin(session.parameters.get("QUERY_TAG", ""))
        if content.get("asyncExec"):
            work = threading.Thread(
                target=run.work, args=[lambda run: session.execute(text, run)], daemon=True
            )
            work.start()
            return _good({"queryId": run.id}, code=_IN_PROGRESS)
        if content.get("describeOnly"):
            await run_in_threadpool(run.work, lambda _: session.describe(text))
        else:
            await run_in_threadpool(run.work, lambda run: session.execute(text, run))
        return _answered(run)

    async def status(self, request: Request) -> JSONResponse:
        """Tell how a statement stands."""
        identity = request.path_params["identity"]
        try:
            run = self._account.find(identity)
        except Refused:
            return _good({"queries": []})
        told: dict[str, Any] = {"id": identity, "status": run.status}
        if run.refused is not None:
            told |= {"errorCode": run.refused.number, "errorMessage": str(run.refused)}
        response = {"data": {"queries": [told]}, "success": True, "code": None}
        return JSONResponse({**response, "message": str(run.refused) if run.refused else None})


@contextmanager
def serving(account: Account) -> Iterator[int]:
    """Serve an account on a free port, and lend the port; close the account afterwards."""
    config = uvicorn.Config(
        Api(account).app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    begin = server.startup

    async def startup(*arguments: Any, **settings: Any) -> None:
        await begin(*arguments, **settings)
        started.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    started.wait(30)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        account.close()


async def _content(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    content: dict[str, Any] = json.loads(body)
    return content


def _token(request: Request) -> str:
    return request.headers.get("Authorization", "")[_TOKEN]


def _good(data: Any, code: str | None = None) -> JSONResponse:
    return JSONResponse({"data": data, "code": code, "message": None, "success": True})


def _bad(refused: Refused, identity: str = "") -> JSONResponse:
    code = f"{refused.number:06d}"
    data = {"errorCode": code, "sqlState": refused.state, "queryId": identity}
    return JSONResponse({"data": data, "code": code, "message": str(refused), "success": False})


def _answered(run: Run) -> JSONResponse:
    if run.answer is None:
        return _bad(run.refused or Refused("nothing"), run.id)
    return _good(
        {
            **run.answer.content,
            "queryId": run.id,
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
            "statementTypeId": 0x1000,
            "finalDatabaseName": DATABASE,
            "finalSchemaName": SCHEMA,
        }
    )
