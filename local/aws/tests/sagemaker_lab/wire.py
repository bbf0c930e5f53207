"""Requests that no client would send."""

import http.client
import json
from typing import NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    status: int
    code: str
    document: object


def post(aws, operation, document=None, *, body=None, headers=None):
    """Send a document, or a body as it is, to an operation."""
    parts = urlsplit(aws.endpoint_url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    data = json.dumps(document).encode() if body is None else body
    sent = {
        "X-Amz-Target": f"SageMaker.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        **(headers or {}),
    }
    try:
        connection.request("POST", "/", data, sent)
        response = connection.getresponse()
        answer = json.loads(response.read())
        return Answer(response.status, answer.get("__type", ""), answer)
    finally:
        connection.close()
