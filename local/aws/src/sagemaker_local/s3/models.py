"""Moto's S3, except that a large multipart upload is put together in a file."""

from __future__ import annotations

import hashlib
from bisect import insort
from typing import TYPE_CHECKING, ClassVar

from moto.s3.exceptions import EntityTooSmall, InvalidPart
from moto.s3.models import FakeKey, FakeMultipart, S3Backend, s3_backends

from sagemaker_local.objects import LARGE, ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SMALLEST_PART = 5 << 20


class StreamingS3Backend(S3Backend):
    """S3 whose large objects are files in `store`'s folder."""

    store: ClassVar[ObjectStore]

    def complete_multipart_upload(
        self, bucket_name: str, multipart_id: str, body: Iterator[tuple[int, str]]
    ) -> FakeKey | None:
        """Put the parts together; small uploads are left to moto."""
        bucket = self.get_bucket(bucket_name)
        multipart = bucket.multiparts[multipart_id]
        named = list(body)
        parts = [multipart.parts[number] for number, _ in named if number in multipart.parts]
        if len(parts) < len(named) or sum(part.contentsize for part in parts) < LARGE:
            return super().complete_multipart_upload(bucket_name, multipart_id, iter(named))
        _check_parts(parts, [etag for _, etag in named])
        content = self.store.new_path()
        _put_together(parts, content)
        digest = hashlib.md5(usedforsecurity=False)
        for part in parts:
            digest.update(bytes.fromhex(part.etag.strip('"')))
        key = self.store.new_key(
            bucket_name,
            multipart.key_name,
            content,
            etag=f"{digest.hexdigest()}-{len(parts)}",
            storage=multipart.storage,
            encryption=multipart.sse_encryption,
            kms_key_id=multipart.kms_key_id,
        )
        self._finish(key, multipart)
        self.store.place(bucket_name, key)
        del bucket.multiparts[multipart_id]
        multipart.dispose()
        return key

    def _finish(self, key: FakeKey, multipart: FakeMultipart) -> None:
        key.set_metadata(multipart.metadata)
        self.put_object_tagging(key, multipart.tags)
        key.set_acl(multipart.acl)


def add_part(upload: FakeMultipart, number: int, part: FakeKey) -> None:
    """Put a part into an upload, instead of the one that has its number."""
    older = upload.parts.get(number)
    if older is None:
        insort(upload.partlist, number)
    else:
        older.dispose()
    upload.parts[number] = part


def install(store: ObjectStore) -> None:
    """Let moto make this S3 instead of its own."""
    StreamingS3Backend.store = store
    s3_backends.backend = StreamingS3Backend


def _check_parts(parts: list[FakeKey], etags: list[str]) -> None:
    for part, etag in zip(parts, etags, strict=True):
        if part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
    if any(part.contentsize < _SMALLEST_PART for part in parts[:-1]):
        raise EntityTooSmall


def _put_together(parts: list[FakeKey], content: Path) -> None:
    with content.open("wb") as file:
        for part in parts:
            file.writelines(ObjectStore.chunks(part, 0, part.contentsize))
