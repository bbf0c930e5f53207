"""The one WSGI application: control, data, transform jobs, and moto for everything else."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request

from sagemaker_local import control, data
from sagemaker_local.s3 import streams
from sagemaker_local.transform import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import WSGIApplication

    from sagemaker_local.databases import Databases
    from sagemaker_local.objects import ObjectStore
    from sagemaker_local.transform.service import TransformService

_MOTO_RESET = "/moto-api/reset"
_REDSHIFT, _ATHENA = "RedshiftData.", "AmazonAthena."
_READING = frozenset({"GET", "HEAD"})


class _Moto(DomainDispatcherApplication):
    """All of moto's services; which one a host is, is found out once.

    Moto looks through its own folder for each request, a third of the time of a usual one.
    """

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._backend_for_host = functools.cache(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        """The name of the service."""
        return self._backend_for_host(host)


class Front:
    """Dispatches each request."""

    def __init__(
        self,
        service: TransformService,
        databases: Databases,
        store: ObjectStore,
        changed: Callable[[], None],
    ) -> None:
        self._service = service
        self._databases = databases
        self._control = control.Control(service, databases)
        self._store = store
        self._changed = changed
        self._moto = _Moto()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        answer: WSGIApplication
        redshift, athena = self._databases.redshift, self._databases.athena
        operation = wire.operation_of(environ)
        if operation is not None:
            answer = wire.answer(self._service, operation, Request(environ))
        elif statement := wire.operation_of(environ, _REDSHIFT, redshift.handlers):
            answer = wire.answer(redshift, statement, Request(environ))
        elif query := wire.operation_of(environ, _ATHENA, athena.handlers):
            answer = wire.answer(athena, query, Request(environ))
        elif path.startswith(data.PREFIX):
            answer = data.answer(self._store, Request(environ))
        elif path.startswith(control.PREFIX):
            answer = self._control.answer(Request(environ))
        else:
            if path == _MOTO_RESET and environ.get("REQUEST_METHOD") == "POST":
                self._service.reset()
                self._databases.reset()
            answer = streams.answer(self._store, environ) or self._moto
        if environ.get("REQUEST_METHOD") in _READING:
            return answer(environ, start_response)
        try:
            return answer(environ, start_response)
        finally:
            self._changed()
