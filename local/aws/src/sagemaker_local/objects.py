"""The objects in moto's S3, read and written in this process without loading large ones whole."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, s3_backends

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20
LARGE = 8 << 20
"""Uploads of at least this many bytes are received into files."""
SMALL = 1 << 20
"""Objects of fewer bytes are kept in memory, as moto does; larger ones stay files."""


class NoSuchObjectError(LookupError):
    """There is no such bucket or object."""


class LargeKey(FakeKey):
    """An S3 object of moto whose content is a file of its own, which goes when the object does."""

    path: Path | None = None

    def adopt(self, path: Path) -> None:
        """Take a file as content; it is opened only while it is read."""
        self._value_buffer.close()
        self.contentsize = path.stat().st_size
        self.path = path

    @property
    def value(self) -> bytes:
        """All of the content."""
        if self.path is None:
            return bytes(FakeKey.value.fget(self))  # type: ignore[attr-defined]
        return self.path.read_bytes()

    @value.setter
    def value(self, new_value: bytes) -> None:
        FakeKey.value.fset(self, new_value)  # type: ignore[attr-defined]

    @property
    def etag(self) -> str:
        """An ETag like that of a multipart upload, which is no MD5; computed on first use."""
        if self._etag is None and self.path is not None:
            with self.path.open("rb") as content:
                digest = hashlib.file_digest(content, lambda: hashlib.sha1(usedforsecurity=False))
            self._etag = f"{digest.hexdigest()[:32]}-1"
        return str(super().etag)

    def dispose(self, garbage: bool = False) -> None:
        """Close and remove the content."""
        super().dispose(garbage and self.path is None)
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def __getstate__(self) -> dict[str, Any]:
        """A copy has its content in memory, as moto's objects do."""
        return {**super().__getstate__(), "path": None}


class ObjectStore:
    """The object store of this process; one for all regions, as S3 is.

    Args:
        folder: where large objects are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def backend(self) -> Any:
        """Moto's S3."""
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def listing(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """Keys that begin with the prefix, in order, with their sizes.

        Raises:
            NoSuchObjectError: there is no such bucket.
        """
        keys = self._bucket(bucket).keys
        names = [
            name for name in list(keys) if name.startswith(prefix)
        ]  # a copy, as other threads write
        entries = [(name, keys.get(name)) for name in sorted(names)]
        return [(name, key.contentsize) for name, key in entries if isinstance(key, FakeKey)]

    def find(self, bucket: str, key: str) -> FakeKey:
        """The object.

        Raises:
            NoSuchObjectError: there is none.
        """
        stored = self._bucket(bucket).keys.get(key)
        if not isinstance(stored, FakeKey):
            raise NoSuchObjectError(f"There is no object s3://{bucket}/{key}")
        return stored

    def read(self, bucket: str, key: str) -> bytes:
        """All of a small object.

        Raises:
            NoSuchObjectError: there is none.
        """
        value: bytes = self.find(bucket, key).value
        return value

    @classmethod
    def chunks(cls, key: FakeKey, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces; even if the object is replaced."""
        if isinstance(key, LargeKey) and key.path is not None:
            with key.path.open("rb") as content:
                yield from _pieces(content, start, end)
            return
        while start < end and (piece := cls._piece(key, start, min(CHUNK, end - start))):
            start += len(piece)
            yield piece

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Store a small object.

        Raises:
            NoSuchObjectError: there is no such bucket.
        """
        self._bucket(bucket)
        self.backend.put_object(bucket, key, content)

    def new_path(self) -> Path:
        """A name for new content."""
        return self.folder / uuid.uuid4().hex

    def new_key(self, bucket: str, key: str, path: Path, **attributes: Any) -> FakeKey:
        """An object whose content is a file of this store's folder; `place` makes it visible.

        The content of a small one is taken into memory.

        Args:
            bucket: where to.
            key: the object's key.
            path: the content; it belongs to the object from now on.
            attributes: more arguments of moto's `FakeKey`; `kms_key` encrypts with that key.

        Raises:
            NoSuchObjectError: there is no such bucket.
        """
        kms_key = attributes.pop("kms_key", "")
        if kms_key:
            attributes |= {"encryption": "aws:kms", "kms_key_id": kms_key}
        try:
            home = self._bucket(bucket)
        except NoSuchObjectError:
            path.unlink(missing_ok=True)
            raise
        small = path.stat().st_size < SMALL
        new = (FakeKey if small else LargeKey)(
            name=key,
            value=path.read_bytes() if small else b"",
            account_id=DEFAULT_ACCOUNT_ID,
            region_name="us-east-1",
            bucket_name=bucket,
            is_versioned=home.is_versioned,
            version_id=str(uuid.uuid4()) if home.is_versioned else "null",
            **attributes,
        )
        if isinstance(new, LargeKey):
            new.adopt(path)
        else:
            path.unlink()
        return new

    def place(self, bucket: str, new: FakeKey) -> None:
        """Put an object into its bucket, after or instead of the ones that have its name."""
        home = self._bucket(bucket)
        older = home.keys.getlist(new.name, []) if home.is_versioned else []
        home.keys.setlist(new.name, [*older, new])

    def check_bucket(self, name: str) -> None:
        """Check that there is such a bucket.

        Raises:
            NoSuchObjectError: there is none.
        """
        self._bucket(name)

    @staticmethod
    def _piece(key: FakeKey, start: int, size: int) -> bytes:
        with key.lock:
            key._value_buffer.seek(start)
            piece: bytes = key._value_buffer.read(size)
            return piece

    def _bucket(self, name: str) -> Any:
        try:
            return self.backend.get_bucket(name)
        except S3ClientError as error:
            raise NoSuchObjectError(f"There is no bucket {name}") from error


def _pieces(content: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    content.seek(start)
    left = end - start
    while left > 0 and (piece := content.read(min(CHUNK, left))):
        left -= len(piece)
        yield piece


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for the large objects of one store, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="sagemaker-local-", ignore_cleanup_errors=True) as name:
        yield Path(name)
