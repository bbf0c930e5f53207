"""Objects over the service's data endpoint: read in chunks, stored whole or not at all.

Large objects pass by the name of a file, since service and agents share a machine.
"""

from __future__ import annotations

import contextlib
import http.client
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode, urlsplit

from sagemaker_local.agent.errors import CLIENT, ObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20
_FILE_HEADER = "X-Local-File"


class Storage:
    """The object store of one service. Safe to share between threads: each call connects anew.

    Args:
        endpoint_url: the service.
        folder: where the service takes the content of new objects from.
    """

    def __init__(self, endpoint_url: str, folder: str) -> None:
        parts = urlsplit(endpoint_url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._folder = Path(folder)

    def read(self, bucket: str, key: str) -> Iterator[bytes]:
        """The bytes of an object, in chunks of at most 1 MiB.

        Raises:
            ObjectError: there is no such object.
        """
        connection = http.client.HTTPConnection(*self._address, timeout=300)
        with contextlib.closing(connection):
            connection.request("GET", _path(bucket, key))
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise ObjectError(CLIENT, f"{response.status} {response.read().decode()}")
            file = response.getheader(_FILE_HEADER)
            if file is None:
                yield from _chunks(response)
                return
        with Path(file).open("rb", buffering=0) as content:
            yield from _chunks(content)

    def fetch(self, bucket: str, key: str, to: Path) -> None:
        """Copy an object to a file."""
        with to.open("wb") as file:
            file.writelines(self.read(bucket, key))

    def new_file(self) -> Path:
        """A name for the content of a new object."""
        return self._folder / uuid.uuid4().hex

    def store(self, bucket: str, key: str, content: Path, kms_key: str = "") -> None:
        """Make a file an object, which appears whole or not at all.

        Args:
            bucket: where to.
            key: the object's key.
            content: what `new_file` named; it belongs to the object from now on.
            kms_key: the key to encrypt it with.

        Raises:
            ObjectError: the object store refused it.
        """
        connection = http.client.HTTPConnection(*self._address, timeout=300)
        with contextlib.closing(connection):
            query = urlencode({"kms": kms_key, "file": str(content)})
            connection.request("PUT", f"{_path(bucket, key)}?{query}")
            response = connection.getresponse()
            text = response.read().decode()
        if response.status != http.HTTPStatus.OK:
            raise ObjectError(CLIENT, f"could not store s3://{bucket}/{key}: {text}")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


def _chunks(source: _Readable) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk


def _path(bucket: str, key: str) -> str:
    return f"/_local/data/{quote(bucket, safe='')}/{quote(key, safe='')}"
