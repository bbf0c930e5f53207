"""S3 in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from datetime import UTC, datetime
from threading import Lock
from typing import IO, Self

from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectChanged, ObjectStore, StoredObject
from batch_transform.scoring.aws.upload import Upload, Uploads
from batch_transform.scoring.errors import ObjectMissing
from batch_transform.scoring.names import S3Uri


class InMemoryObjects(ObjectStore):
    """S3 as a dict.

    Attributes:
        content: the objects.
        keys_used: the KMS key of each; None where it is the bucket's own default.
        stored_at: when each was stored.
        now: tells the time.
    """

    def __init__(
        self,
        kms_key: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Start empty."""
        self.content: dict[S3Uri, bytes] = {}
        self.keys_used: dict[S3Uri, str | None] = {}
        self.stored_at: dict[S3Uri, datetime] = {}
        self.now = now
        self._kms_key = kms_key
        self._lock = Lock()

    @override
    def encrypting(self, kms_key: str | None) -> Self:
        same = copy(self)
        same._kms_key = kms_key
        return same

    @override
    def put(self, uri: S3Uri, body: bytes) -> None:
        self.content[uri] = body
        self.keys_used[uri] = self._kms_key
        self.stored_at[uri] = self.now()

    @override
    def put_if(self, uri: S3Uri, body: bytes, etag: str | None) -> None:
        with self._lock:
            before = self.content.get(uri)
            if etag != (None if before is None else _etag(before)):
                raise ObjectChanged(str(uri))
            self.put(uri, body)

    @override
    def get(self, uri: S3Uri) -> bytes:
        try:
            return self.content[uri]
        except KeyError as error:
            raise ObjectMissing(f"There is no object {uri}") from error

    @override
    def pieces(self, uri: S3Uri) -> Iterator[bytes]:
        yield self.get(uri)

    @override
    def size(self, uri: S3Uri) -> int:
        return len(self.get(uri))

    @override
    def copy(self, source: S3Uri, target: S3Uri) -> str:
        self.put(target, self.get(source))
        return hashlib.sha256(self.get(target)).hexdigest()

    @override
    def listed(self, start: S3Uri) -> Iterator[StoredObject]:
        for uri in sorted(self.content, key=lambda uri: uri.key):
            if uri.bucket == start.bucket and uri.key.startswith(start.key):
                yield StoredObject(
                    uri=uri,
                    etag=_etag(self.content[uri]),
                    modified=self.stored_at[uri],
                    listed_at=self.now(),
                )

    @override
    def download(self, stored: StoredObject, file: IO[bytes]) -> None:
        file.write(self._as_listed(stored))

    @override
    def tail(self, stored: StoredObject, size: int) -> bytes:
        return self._as_listed(stored)[-size:]

    def _as_listed(self, stored: StoredObject) -> bytes:
        body = self.content.get(stored.uri)
        if body is None or _etag(body) != stored.etag:
            raise ObjectChanged(str(stored.uri))
        return body

    @override
    def delete(self, uris: Sequence[S3Uri]) -> None:
        for uri in uris:
            self.content.pop(uri, None)

    @override
    def unfinished(self, prefix: S3Uri) -> Iterator[S3Uri]:
        return iter(())  # an upload that fails leaves nothing

    @override
    def uploads(self) -> InMemoryUploads:
        return InMemoryUploads(self)


class InMemoryUploads(Uploads):
    """Objects that appear in a store once all of them are complete."""

    def __init__(self, objects: InMemoryObjects) -> None:
        """Collect for a store."""
        self._objects = objects
        self._begun: list[tuple[S3Uri, InMemoryUpload]] = []

    @override
    def open(self, uri: S3Uri) -> InMemoryUpload:
        self._begun.append((uri, InMemoryUpload()))
        return self._begun[-1][1]

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for uri, upload in self._begun:
                self._objects.put(uri, b"".join(upload.pieces))


class InMemoryUpload(Upload):
    """The pieces of one object."""

    def __init__(self) -> None:
        """Start empty."""
        self.pieces: list[bytes] = []

    @override
    def write(self, body: bytes) -> None:
        self.pieces.append(body)

    @override
    def close(self) -> None:
        """Need nothing more."""


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
