"""`/_local/data/BUCKET/KEY`: objects in and out, for the agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from sagemaker_local.objects import LargeKey, NoSuchObjectError, ObjectStore

if TYPE_CHECKING:
    from moto.s3.models import FakeKey

PREFIX = "/_local/data/"
FILE_HEADER = "X-Local-File"


def answer(store: ObjectStore, request: Request) -> Response:
    """GET gives an object's bytes, or says which file holds them; PUT stores one.

    The agents run on this machine, so a large object is handed over by the name of its file: an
    output is a file that the agent wrote into the store's folder.
    """
    bucket, _, key = request.path.removeprefix(PREFIX).partition("/")
    try:
        if request.method == "GET":
            return _content(store, store.find(bucket, key))
        if request.method == "PUT":
            kms_key = request.args.get("kms", "")
            new = store.new_key(bucket, key, _file(store, request), kms_key=kms_key)
            store.place(bucket, new)
            return Response(status=200)
    except NoSuchObjectError as error:
        return Response(str(error), status=404)
    except OSError as error:
        return Response(str(error), status=400)
    return Response("only GET and PUT", status=405)


def _content(store: ObjectStore, key: FakeKey) -> Response:
    headers = {"Content-Length": str(key.contentsize)}
    if isinstance(key, LargeKey) and key.path is not None:
        return Response(headers={FILE_HEADER: str(key.path)})
    pieces = store.chunks(key, 0, key.contentsize)
    return Response(pieces, headers=headers, direct_passthrough=True)


def _file(store: ObjectStore, request: Request) -> Path:
    """The file an agent wrote, taken out of the agent's folder; it must be in the store's."""
    path = Path(request.args.get("file", ""))
    inside = path.is_absolute() and path.resolve().is_relative_to(store.folder.resolve())
    if not inside or not path.is_file():
        raise FileNotFoundError(f"there is no file {path} to store")
    return path.rename(store.new_path())
