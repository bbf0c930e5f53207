"""`/_local/…`: the control API, through which a test makes things go wrong. All JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from sagemaker_local.containers import ContainersFileError
from sagemaker_local.settings import UnknownSwitchError
from sagemaker_local.switches import SWITCHES
from sagemaker_local.transform.faults import BadRuleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sagemaker_local.databases import Databases
    from sagemaker_local.transform.service import TransformService

PREFIX = "/_local/"


class BadRequestError(ValueError):
    """The request cannot be carried out; the text says what can."""


class Control:
    """The control endpoints of one service."""

    def __init__(self, service: TransformService, databases: Databases) -> None:
        self._service = service
        self._databases = databases
        self._routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "health"): lambda _: {"status": "ok"},
            ("POST", "reset"): lambda _: self._reset(),
            ("GET", "switches"): lambda _: self._switches(),
            ("PUT", "switches"): self._set_switches,
            ("GET", "faults"): lambda _: service.faults.all(),
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): lambda _: service.faults.reset(),
            ("GET", "events"): lambda _: service.events.all(),
            ("GET", "containers"): lambda _: service.containers.commands(),
            ("PUT", "containers"): service.containers.register,
            ("PUT", "limits"): self._set_limits,
            ("GET", "limits"): lambda _: service.limits,
            ("PUT", "athena"): self._set_athena,
            ("PUT", "redshift"): self._set_redshift,
            ("GET", "clock"): lambda _: {"now": service.clock.now()},
            ("POST", "clock"): self._move_clock,
        }

    def answer(self, request: Request) -> Response:
        """Carry out a request; a bad one is a 400 that says why."""
        name = request.path.removeprefix(PREFIX).strip("/")
        handler = self._routes.get((request.method, name)) or self._job_handler(request, name)
        if handler is None:
            routes = ", ".join(f"{method} {path}" for method, path in sorted(self._routes))
            return _json(
                {
                    "message": f"there is no such request; there are {routes}, "
                    "POST jobs/NAME/release and POST jobs/NAME/stop"
                },
                404,
            )
        try:
            result = handler(_document(request))
        except (BadRequestError, BadRuleError, ContainersFileError, UnknownSwitchError) as error:
            return _json({"message": str(error)}, 400)
        return _json({} if result is None else result, 200)

    def _job_handler(self, request: Request, name: str) -> Callable[[Any], Any] | None:
        parts = name.split("/")
        if request.method != "POST" or len(parts) != 3 or parts[0] != "jobs":
            return None
        run = self._service.run_of(parts[1])
        if run is None:
            return None
        actions: dict[str, Callable[[Any], Any]] = {
            "release": lambda _: run.release(),
            "stop": lambda _: {"stopped": run.stop()},
        }
        return actions.get(parts[2])

    def _switches(self) -> list[dict[str, Any]]:
        values = self._service.settings.all()
        return [
            {
                "name": each.name,
                "value": values[each.name],
                "default": each.default,
                "allowed": each.allowed,
                "known": each.known,
            }
            for each in SWITCHES
        ]

    def _set_switches(self, document: Any) -> None:
        if not isinstance(document, dict):
            raise BadRequestError("send an object of switch names and values")
        self._service.settings.set(document)

    def _add_fault(self, document: Any) -> None:
        self._service.faults.add(document)

    def _reset(self) -> None:
        self._service.reset()
        self._databases.reset()

    def _set_athena(self, document: Any) -> None:
        self._databases.athena.dsn = _dsn(document)

    def _set_redshift(self, document: Any) -> None:
        redshift, dsn = self._databases.redshift, _dsn(document)
        fails_at = document.get("fails_at", 0)
        if type(fails_at) is not int:
            raise BadRequestError("fails_at is the number of a statement")
        redshift.dsn, redshift.fails_at = dsn, fails_at

    def _set_limits(self, document: Any) -> None:
        good = isinstance(document, dict) and all(type(each) is int for each in document.values())
        if not good:
            raise BadRequestError("send an object of instance types and whole numbers")
        self._service.limits.update(document)

    def _move_clock(self, document: Any) -> dict[str, float]:
        clock = self._service.clock
        if document == {"freeze": True}:
            clock.freeze()
        elif document == {"reset": True}:
            clock.reset()
        elif isinstance(document, dict) and _is_number(document.get("advance")):
            clock.advance(float(document["advance"]))
        else:
            raise BadRequestError('send {"advance": seconds}, {"freeze": true} or {"reset": true}')
        return {"now": clock.now()}


def _dsn(document: Any) -> str:
    dsn = document.get("dsn") if isinstance(document, dict) else None
    if not isinstance(dsn, str):
        raise BadRequestError('send {"dsn": "…"}, of a PostgreSQL database')
    return dsn


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _document(request: Request) -> Any:
    try:
        return json.loads(request.get_data() or b"{}")
    except (ValueError, RecursionError, HTTPException) as error:
        raise BadRequestError(f"the body is not JSON: {error}") from error


def _json(document: Any, status: int) -> Response:
    return Response(json.dumps(document), status=status, content_type="application/json")
