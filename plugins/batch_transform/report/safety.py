"""What every answer carries, whatever it is: the rules by which a browser treats it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse

from batch_transform.report.pages import message_page, theme_script
from batch_transform.scoring.errors import ScoringError
from batch_transform.scoring.reports.page import digest, style

# https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {digest(style())}; script-src {digest(theme_script())};"
        " frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}

_UNREADABLE, _BROKEN = 502, 500
_SENTENCES = {
    401: "Log in to Airflow first.",
    403: "You may not read this DAG.",
    404: "There is no such page.",
    405: "Pages are read, and no more.",
    422: "This address is no page's.",
}


def protect(app: FastAPI) -> None:
    """Give the headers to all answers of an app, and its errors a page."""

    @app.middleware("http")
    async def add_headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    @app.exception_handler(404)
    @app.exception_handler(405)
    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> HTMLResponse:
        sentence = _SENTENCES.get(error.status_code, "This cannot be shown.")
        page = message_page(sentence, str(error.detail))
        return HTMLResponse(page, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def correct(request: Request, error: RequestValidationError) -> HTMLResponse:
        wrong = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
        return HTMLResponse(message_page(_SENTENCES[422], wrong), status_code=422)

    @app.exception_handler(ScoringError)
    async def explain(request: Request, error: ScoringError) -> HTMLResponse:
        page = message_page("What this page shows cannot be read.", str(error))
        return HTMLResponse(page, status_code=_UNREADABLE)

    @app.exception_handler(Exception)
    async def break_down(request: Request, error: Exception) -> HTMLResponse:
        page = message_page("This page is broken.", "What is wrong is in the API server's log.")
        return HTMLResponse(page, status_code=_BROKEN, headers=HEADERS)  # passes add_headers by
