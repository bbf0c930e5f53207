"""AWS JSON 1.1 over WSGI for the operations on transform jobs."""

from __future__ import annotations

import json
import logging
import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from sagemaker_local.transform.errors import ApiError, InternalFailure, SerializationException
from sagemaker_local.transform.faults import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Container

_TARGET = "SageMaker."
_SCOPE = re.compile(r"Credential=[^/,\s]+/\d+/([a-z0-9-]+)/sagemaker/aws4_request")
_DEFAULT_REGION = "us-east-1"
_MOST_BYTES = 4 << 20
_log = logging.getLogger(__name__)


class Service(Protocol):
    """What carries out operations."""

    def call(self, operation: str, request: dict[str, Any], region: str) -> dict[str, Any]:
        """Carry out one, or raise ApiError."""


def operation_of(
    environ: dict[str, Any], target: str = _TARGET, known: Container[str] = OPERATIONS
) -> str | None:
    """The operation that a request names, on transform jobs by default, if it does."""
    named = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    operation = named.removeprefix(target)
    return operation if named != operation and operation in known else None


def answer(service: Service, operation: str, request: Request) -> Response:
    """Carry out one operation; whatever the request is, the answer is a result or a code."""
    try:
        result = service.call(operation, _document(request), _region(request))
    except ApiError as error:
        return _refusal(error)
    except Exception:
        _log.exception("%s", operation)
        return _refusal(InternalFailure("Internal failure"))
    return _response(result, 200)


def _document(request: Request) -> dict[str, Any]:
    try:
        if (request.content_length or 0) > _MOST_BYTES:
            raise SerializationException(f"The body is larger than {_MOST_BYTES} bytes")
        body = request.get_data(cache=False)
        document = json.loads(body or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError, HTTPException, OSError) as error:
        raise SerializationException(f"The body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SerializationException("The body is not a JSON object")
    return document


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _region(request: Request) -> str:
    match = _SCOPE.search(request.headers.get("Authorization", ""))
    return match[1] if match else _DEFAULT_REGION


def _refusal(error: ApiError) -> Response:
    response = _response({"__type": error.code, "message": error.message}, error.status)
    response.headers["x-amzn-errortype"] = error.code
    return response


def _response(document: dict[str, Any], status: int) -> Response:
    text = json.dumps(document, default=_encoded, ensure_ascii=True)
    response = Response(text, status=status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def _encoded(value: object) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} cannot be sent")
