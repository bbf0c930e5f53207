"""The object store: what the work needs of S3, and a fake of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol

from batch_transform.scoring.aws.upload import S3Uploads, Uploads
from batch_transform.scoring.errors import Unreachable
from batch_transform.scoring.names import S3Uri

_CHANGED = frozenset({404, 412})  # gone, and not as the condition says
_CONFLICT, _EXISTS = 409, 412
_PIECE_BYTES = 1 << 20


class ObjectMissing(LookupError):
    """There is no such object. A programming error or a race, not bad data, unless caught."""


class ObjectChanged(LookupError):
    """An object is no more what it was when it was listed, or is gone. Caught, and explained."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object as it was when it was listed.

    Attributes:
        uri: where it lies.
        etag: S3's name of its content; another content has another.
    """

    uri: S3Uri
    etag: str


class ObjectStore(Protocol):
    """What the work needs of S3."""

    def put(self, uri: S3Uri, body: bytes) -> None:
        """Store an object."""

    def put_new(self, uri: S3Uri, body: bytes) -> bool:
        """Store an object unless there is one, and return whether it was stored."""

    def get(self, uri: S3Uri) -> bytes:
        """Return an object's content, or raise ObjectMissing."""

    def size(self, uri: S3Uri) -> int:
        """Return an object's size in bytes, or raise ObjectMissing."""

    def copy(self, source: S3Uri, target: S3Uri) -> str:
        """Copy an object without its bytes passing through here, or raise ObjectMissing.

        Returns:
            The SHA-256 of the copy, hexadecimal, as the store has it.
        """

    def keys(self, prefix: S3Uri) -> Iterator[S3Uri]:
        """List the objects below ``prefix/``, in the order of their keys."""
        for stored in self.listed(S3Uri(prefix.bucket, f"{prefix.key}/")):
            yield stored.uri

    def listed(self, start: S3Uri) -> Iterator[StoredObject]:
        """List the objects whose keys begin with that of ``start``, in the order of their keys."""

    def download(self, stored: StoredObject, file: IO[bytes]) -> None:
        """Write an object's content to a file, in memory of a fixed size; or raise ObjectChanged.

        What is written is the content that was listed, whatever is done to the object meanwhile.
        """

    def unfinished(self, prefix: S3Uri) -> Iterator[S3Uri]:
        """List the objects below ``prefix/`` whose upload was begun and neither done nor aborted.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
        """

    def uploads(self) -> Uploads:
        """Return a context in which objects are made piece by piece."""


class S3Objects(ObjectStore):
    """S3 through a boto3 client.

    https://docs.aws.amazon.com/boto3/latest/reference/services/s3.html
    """

    def __init__(self, client: Any) -> None:
        """Use a client whose region, endpoint and credentials are set."""
        self._client = client

    def put(self, uri: S3Uri, body: bytes) -> None:
        """Store an object."""
        self._client.put_object(Bucket=uri.bucket, Key=uri.key, Body=body)

    def put_new(self, uri: S3Uri, body: bytes) -> bool:
        """Store an object unless there is one.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        try:
            self._client.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, IfNoneMatch="*")
        except self._client.exceptions.ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == _CONFLICT:
                raise Unreachable(f"Another attempt writes {uri} at this moment") from error
            if status == _EXISTS:
                return False
            raise
        return True

    def get(self, uri: S3Uri) -> bytes:
        """Return an object's content."""
        try:
            response = self._client.get_object(Bucket=uri.bucket, Key=uri.key)
        except self._client.exceptions.NoSuchKey as error:
            raise ObjectMissing(str(uri)) from error
        body: bytes = response["Body"].read()
        return body

    def size(self, uri: S3Uri) -> int:
        """Return an object's size in bytes."""
        try:
            response = self._client.head_object(Bucket=uri.bucket, Key=uri.key)
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise ObjectMissing(str(uri)) from error
            raise
        size: int = response["ContentLength"]
        return size

    def copy(self, source: S3Uri, target: S3Uri) -> str:
        """Copy an object of at most 5 GB; S3 computes the digest of what it stored.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        """
        try:
            answer = self._client.copy_object(
                CopySource={"Bucket": source.bucket, "Key": source.key},
                Bucket=target.bucket,
                Key=target.key,
                ChecksumAlgorithm="SHA256",
            )
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise ObjectMissing(str(source)) from error
            raise
        digest = answer["CopyObjectResult"].get("ChecksumSHA256")
        if digest is None:  # a store that speaks S3 and has no checksums
            return hashlib.sha256(self.get(target)).hexdigest()
        return base64.b64decode(digest).hex()

    def listed(self, start: S3Uri) -> Iterator[StoredObject]:
        """List the objects whose keys begin with that of ``start``."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=start.bucket, Prefix=start.key
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                yield StoredObject(uri=S3Uri(start.bucket, entry["Key"]), etag=entry["ETag"])

    def download(self, stored: StoredObject, file: IO[bytes]) -> None:
        """Write an object's content to a file.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html
        """
        place = {"Bucket": stored.uri.bucket, "Key": stored.uri.key}
        try:
            response = self._client.get_object(**place, IfMatch=stored.etag)
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in _CHANGED:
                raise ObjectChanged(str(stored.uri)) from error
            raise
        for piece in response["Body"].iter_chunks(_PIECE_BYTES):
            file.write(piece)

    def unfinished(self, prefix: S3Uri) -> Iterator[S3Uri]:
        """List the objects below ``prefix/`` whose upload was begun and neither done nor aborted.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
        """
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=prefix.bucket, Prefix=f"{prefix.key}/"
        )
        for page in pages:
            for entry in page.get("Uploads", ()):
                yield S3Uri(prefix.bucket, entry["Key"])

    def uploads(self) -> S3Uploads:
        """Upload piece by piece."""
        return S3Uploads(self._client)
