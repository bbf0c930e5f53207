"""Large objects in and out over HTTP in pieces; moto would hold them in memory.

Only plain requests are taken over: a GET of an object that is a file, and a PUT of a large body
without anything special. All else is moto's.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from moto.s3.utils import metadata_from_headers
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response

from sagemaker_local.objects import CHUNK, LARGE, LargeKey, NoSuchObjectError, ObjectStore
from sagemaker_local.s3.models import add_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATH = re.compile(r"/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PLAIN_HEADERS = re.compile(
    r"x-amz-(?:date|content-sha256|security-token|user-agent|sdk-checksum-algorithm|"
    r"checksum-(?!mode).*|meta-.*|server-side-encryption(?:-aws-kms-key-id)?|checksum-mode)"
)
_CONDITIONS = (
    "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
)


class IncompleteBodyError(Exception):
    """The client went away before it sent everything."""


def answer(store: ObjectStore, environ: dict[str, Any]) -> Response | None:
    """The answer to a request about a large object; None when moto is to answer."""
    match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    method = environ.get("REQUEST_METHOD")
    if match is None or method not in {"GET", "PUT"} or not _is_plain(environ):
        return None
    request = Request(environ)
    if method == "GET":
        return _get(store, match[1], match[2], request)
    if (request.content_length or 0) >= LARGE:
        try:
            return _put(store, match[1], match[2], request)
        except (IncompleteBodyError, ClientDisconnected):
            return Response("the body is incomplete", status=400)
    return None


def _is_plain(environ: dict[str, Any]) -> bool:
    if "s3/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
        return False
    names = set(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)) - {"x-id"}
    is_part = names == {"uploadId", "partNumber"} and environ["REQUEST_METHOD"] == "PUT"
    if names and not is_part:
        return False
    if any(name in environ for name in _CONDITIONS):
        return False
    if environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith("STREAMING-"):
        return False
    headers = (name[5:].lower() for name in environ if name.startswith("HTTP_X_AMZ"))
    return all(_PLAIN_HEADERS.fullmatch(name.replace("_", "-")) for name in headers)


def _get(store: ObjectStore, bucket: str, name: str, request: Request) -> Response | None:
    try:
        key = store.find(bucket, name)
    except NoSuchObjectError:
        return None
    if not isinstance(key, LargeKey):
        return None
    start, end, status = 0, key.contentsize, 200
    headers = {**key.response_dict, **key.metadata, "Accept-Ranges": "bytes"}
    byte_range = request.headers.get("Range")
    if byte_range:
        match = _RANGE.fullmatch(byte_range)
        if match is None or int(match[1]) >= end:
            return None
        start, status = int(match[1]), 206
        end = min(int(match[2]) + 1, end) if match[2] else end
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{key.contentsize}"
    headers["content-length"] = str(max(end - start, 0))
    pieces = store.chunks(key, start, end)
    return Response(pieces, status=status, headers=headers, direct_passthrough=True)


def _put(store: ObjectStore, bucket: str, name: str, request: Request) -> Response | None:
    try:
        store.check_bucket(bucket)
    except NoSuchObjectError:
        return None
    upload = store.backend.get_bucket(bucket).multiparts.get(request.args.get("uploadId"))
    if upload is None and "uploadId" in request.args:
        return None
    path = store.new_path()
    try:
        digest = _receive(request, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    key = store.new_key(
        bucket,
        name,
        path,
        etag=digest,
        encryption=request.headers.get("x-amz-server-side-encryption"),
        kms_key_id=request.headers.get("x-amz-server-side-encryption-aws-kms-key-id"),
    )
    if upload is not None:
        add_part(upload, int(request.args["partNumber"]), key)
        return Response(headers={"ETag": key.etag})
    key.set_metadata(metadata_from_headers(dict(request.headers)))
    store.place(bucket, key)
    headers = {name: value for name, value in key.response_dict.items() if name != "content-length"}
    return Response(headers=headers)


def _receive(request: Request, path: Path) -> str:
    """Write the body to a file; its MD5, which is the ETag of what is put in one piece."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as content:
        for piece in _body(request):
            content.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _body(request: Request) -> Iterator[bytes]:
    left = request.content_length or 0
    while left > 0:
        piece = request.stream.read(min(CHUNK, left))
        if not piece:
            raise IncompleteBodyError(f"{left} bytes are missing")
        left -= len(piece)
        yield piece
