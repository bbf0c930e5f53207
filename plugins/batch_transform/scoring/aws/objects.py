"""The object store: what the work needs of S3."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Protocol

from botocore.exceptions import ClientError
from typing_extensions import override

from batch_transform.scoring.aws import listing
from batch_transform.scoring.aws.clock import answered_at
from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.aws.upload import S3Uploads, Uploads, sealed
from batch_transform.scoring.errors import ObjectMissing, Unreachable
from batch_transform.scoring.names import S3Uri

_MISSING = frozenset({404})
_CHANGED = frozenset({404, 412})  # gone, and not as the condition says
_PIECE_BYTES = 1 << 20
_DELETED_AT_ONCE = 1000
_TRIES = 3  # of a body that is cut off while it is read, which boto3 does not read again


class ObjectChanged(LookupError):
    """An object is no more what it was when it was listed, or is gone. Caught, and explained."""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object as it was when it was listed.

    Attributes:
        uri: where it lies.
        etag: S3's name of its content; another content has another.
        modified: when it was stored, by the clock of the store.
        listed_at: when it was listed, or a moment after, by the same clock.
    """

    uri: S3Uri
    etag: str
    modified: datetime
    listed_at: datetime


class ObjectStore(Protocol):
    """What the work needs of S3. Every call may raise Transient, or AccessRefused."""

    def encrypting(self, kms_key: str | None) -> ObjectStore:
        """Return the same store, which stores objects under a KMS key from now on.

        None: under whatever the bucket has by default.
        """

    def put(self, uri: S3Uri, body: bytes) -> None:
        """Store an object."""

    def put_if(self, uri: S3Uri, body: bytes, etag: str | None) -> None:
        """Store an object that is as it was when it was listed, or raise ObjectChanged.

        ``etag`` is what it was; None where there was none.
        """

    def get(self, uri: S3Uri) -> bytes:
        """Return an object's content, or raise ObjectMissing."""

    def tail(self, stored: StoredObject, size: int) -> bytes:
        """Return the last bytes of an object as it was listed, or raise ObjectChanged."""

    def pieces(self, uri: S3Uri) -> Iterator[bytes]:
        """Yield an object's content in memory of a fixed size, or raise ObjectMissing.

        It is not begun again where the connection is lost on the way.
        """

    def size(self, uri: S3Uri) -> int:
        """Return an object's size in bytes, or raise ObjectMissing."""

    def has(self, uri: S3Uri) -> bool:
        """Tell whether there is an object."""
        try:
            self.size(uri)
        except ObjectMissing:
            return False
        return True

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

    def delete(self, uris: Sequence[S3Uri]) -> None:
        """Delete objects of one bucket; one that is not there is no error."""

    def unfinished(self, prefix: S3Uri) -> Iterator[S3Uri]:
        """List the objects below ``prefix/`` whose upload was begun and neither done nor aborted.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
        """

    def uploads(self) -> Uploads:
        """Return a context in which objects are made piece by piece."""


class S3Objects(ObjectStore):
    """S3 through a boto3 client whose region, endpoint and credentials are set.

    https://docs.aws.amazon.com/boto3/latest/reference/services/s3.html
    """

    def __init__(self, client: Any, kms_key: str | None = None) -> None:
        """Use a client; it retries each request as it is configured to."""
        self._client = client
        self._seal = sealed(kms_key)

    @override
    def encrypting(self, kms_key: str | None) -> S3Objects:
        return S3Objects(self._client, kms_key)

    @override
    def put(self, uri: S3Uri, body: bytes) -> None:
        with translated():
            self._client.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, **self._seal)

    @override
    def put_if(self, uri: S3Uri, body: bytes, etag: str | None) -> None:
        """Store an object under a condition, which is 409 where another write is under way.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        more = {**condition, **self._seal}
        with translated():
            try:
                self._client.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, **more)
            except ClientError as error:
                if _status(error) in {*_CHANGED, 409}:
                    raise ObjectChanged(str(uri)) from error
                raise

    @override
    def get(self, uri: S3Uri) -> bytes:
        for _ in range(_TRIES - 1):
            with suppress(Unreachable):
                return self._got(uri)
        return self._got(uri)

    def _got(self, uri: S3Uri) -> bytes:
        with translated(), _missing(uri):
            response = self._client.get_object(Bucket=uri.bucket, Key=uri.key)
            body: bytes = response["Body"].read()
        return body

    @override
    def tail(self, stored: StoredObject, size: int) -> bytes:
        with translated():
            body: bytes = self._as_listed(stored, Range=f"bytes=-{size}").read()
        return body

    @override
    def pieces(self, uri: S3Uri) -> Iterator[bytes]:
        with translated(), _missing(uri):
            response = self._client.get_object(Bucket=uri.bucket, Key=uri.key)
            yield from response["Body"].iter_chunks(_PIECE_BYTES)

    @override
    def size(self, uri: S3Uri) -> int:
        with translated(), _missing(uri):
            response = self._client.head_object(Bucket=uri.bucket, Key=uri.key)
        size: int = response["ContentLength"]
        return size

    @override
    def copy(self, source: S3Uri, target: S3Uri) -> str:
        """Copy an object of at most 5 GB; S3 computes the digest of what it stored.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        """
        with translated(), _missing(source):
            answer = self._client.copy_object(
                CopySource={"Bucket": source.bucket, "Key": source.key},
                Bucket=target.bucket,
                Key=target.key,
                ChecksumAlgorithm="SHA256",
                **self._seal,
            )
        digest = answer["CopyObjectResult"].get("ChecksumSHA256")
        if digest is None:  # a store that speaks S3 and has no checksums
            return hashlib.sha256(self.get(target)).hexdigest()
        return base64.b64decode(digest).hex()

    @override
    def listed(self, start: S3Uri) -> Iterator[StoredObject]:
        found = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=start.bucket, Prefix=start.key
        )
        for page in listing.pages(found):
            listed_at = answered_at(page)
            for entry in page.get("Contents", ()):
                yield StoredObject(
                    uri=S3Uri(start.bucket, entry["Key"]),
                    etag=entry["ETag"],
                    modified=entry["LastModified"],
                    listed_at=listed_at,
                )

    @override
    def download(self, stored: StoredObject, file: IO[bytes]) -> None:
        """Write an object's content to a file."""
        with translated():
            for piece in self._as_listed(stored).iter_chunks(_PIECE_BYTES):
                file.write(piece)

    def _as_listed(self, stored: StoredObject, **part: str) -> Any:
        """Open an object, or a part of it.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html
        """
        place = {"Bucket": stored.uri.bucket, "Key": stored.uri.key}
        try:
            return self._client.get_object(**place, **part, IfMatch=stored.etag)["Body"]
        except ClientError as error:
            if _status(error) in _CHANGED:
                raise ObjectChanged(str(stored.uri)) from error
            raise

    @override
    def delete(self, uris: Sequence[S3Uri]) -> None:
        """Delete objects, as many at once as S3 takes; an answer of 200 may still hold errors.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        """
        for start in range(0, len(uris), _DELETED_AT_ONCE):
            some = uris[start : start + _DELETED_AT_ONCE]
            listed = {"Objects": [{"Key": uri.key} for uri in some], "Quiet": True}
            with translated():
                answer = self._client.delete_objects(Bucket=some[0].bucket, Delete=listed)
                for refused in answer.get("Errors", ()):
                    raise ClientError({"Error": refused}, "DeleteObjects")

    @override
    def unfinished(self, prefix: S3Uri) -> Iterator[S3Uri]:
        found = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=prefix.bucket, Prefix=f"{prefix.key}/"
        )
        for page in listing.pages(found):
            for entry in page.get("Uploads", ()):
                yield S3Uri(prefix.bucket, entry["Key"])

    @override
    def uploads(self) -> S3Uploads:
        return S3Uploads(self._client, self._seal)


@contextmanager
def _missing(uri: S3Uri) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _status(error) in _MISSING and _code(error) != "NoSuchBucket":
            raise ObjectMissing(
                f"There is no object {uri}: it was deleted, or the run's AWS connection leads"
                " elsewhere than when it was written; clear extract to write it anew"
            ) from error
        raise


def _status(error: ClientError) -> int:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status


def _code(error: ClientError) -> str:
    code: str = error.response.get("Error", {}).get("Code", "")
    return code
