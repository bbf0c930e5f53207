"""Uploads shards while they are made, several at once, in memory of a fixed size.

A shard goes up in parts as they fill, or whole where it is smaller than one part. Whatever fails,
all that was begun is aborted; only a process that is killed leaves parts behind, which no listing
of objects shows, and which the bucket's lifecycle rule removes.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
"""

from __future__ import annotations

import base64
import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import ScoringError
from batch_transform.scoring.names import S3Uri

_LOG = logging.getLogger(__name__)

# S3 takes no smaller part but the last, and 10,000 parts: 80 GB at 8 MB, above any shard.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 << 20
_THREADS = 3
_IN_FLIGHT = 3
_UNSEALED: Mapping[str, Any] = MappingProxyType({})


def sealed(kms_key: str | None) -> Mapping[str, Any]:
    """Return the arguments by which S3 stores an object under a key.

    A bucket key spares a call of KMS for each object.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    if kms_key is None:
        return _UNSEALED
    return {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": kms_key,
        "BucketKeyEnabled": True,
    }


class Upload(Protocol):
    """One object in the making."""

    def write(self, body: bytes) -> None:
        """Append to the object."""

    def close(self) -> None:
        """Say that nothing more will come."""


class Uploads(Protocol):
    """Several objects in the making; a context manager: all are stored when it has been left.

    Left by an exception, it aborts whatever is not yet stored.
    """

    def open(self, uri: S3Uri) -> Upload:
        """Begin an object."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait until all is stored, or abort."""


class S3Uploads:
    """Uploads through a boto3 client, which retries each request as it is configured to."""

    def __init__(self, client: Any, seal: Mapping[str, Any] = _UNSEALED) -> None:
        """Use a client; boto3's are safe to share among threads. ``seal`` is of ``sealed``."""
        self.client = client
        self.seal = seal
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="upload")
        self._flying: deque[Future[Any]] = deque()
        self._begun: list[S3Upload] = []

    def open(self, uri: S3Uri) -> S3Upload:
        """Begin an object."""
        upload = S3Upload(self, uri)
        self._begun.append(upload)
        return upload

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Have a thread make a call; waits while too much is in flight.

        Raises:
            ScoringError: what an earlier call raised.
        """
        while len(self._flying) >= _IN_FLIGHT:
            self._flying.popleft().result()
        future = self._pool.submit(translated()(call))
        self._flying.append(future)
        return future

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete everything, or abort it."""
        try:
            if kind is None:
                self._complete()
        except BaseException:
            self._abort()
            raise
        else:
            if kind is not None:
                self._abort()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _complete(self) -> None:
        while self._flying:
            self._flying.popleft().result()
        for upload in self._begun:
            upload.complete()

    def _abort(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)  # no part may come after the abort
        for upload in self._begun:
            try:
                upload.abort()
            except ScoringError:  # the others are aborted all the same, and the first error counts
                _LOG.warning("Parts of %s stay in S3; a lifecycle rule removes them", upload)


class S3Upload:
    """One object: a single PUT where it fits one part, else a multipart upload.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
    """

    def __init__(self, uploads: S3Uploads, uri: S3Uri) -> None:
        """Begin; nothing is sent before a part is full."""
        self._uploads = uploads
        self._target = {"Bucket": uri.bucket, "Key": uri.key}
        self._pieces: list[bytes] = []
        self._size = 0
        self._upload_id: str | None = None
        self._parts: list[Future[dict[str, Any]]] = []

    def __str__(self) -> str:
        return f"s3://{self._target['Bucket']}/{self._target['Key']}"

    def write(self, body: bytes) -> None:
        """Append; sends what there is once it fills a part."""
        for start in range(0, len(body), PART_BYTES):
            piece = body if len(body) <= PART_BYTES else body[start : start + PART_BYTES]
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size >= PART_BYTES:
                self._send_part(self._taken())

    def close(self) -> None:
        """Send what is left."""
        body = self._taken()
        if self._upload_id is not None:
            if body:
                self._send_part(body)
            return
        put, more = self._uploads.client.put_object, self._uploads.seal
        self._uploads.submit(lambda: put(**self._target, Body=body, **_checksum(body), **more))

    def _taken(self) -> bytes:
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return body

    def complete(self) -> None:
        """Make the object appear."""
        if self._upload_id is None:
            return
        parts = [part.result() for part in self._parts]
        with translated():
            self._uploads.client.complete_multipart_upload(
                **self._target, UploadId=self._upload_id, MultipartUpload={"Parts": parts}
            )
        self._upload_id = None

    def abort(self) -> None:
        """Leave no parts behind."""
        if self._upload_id is not None:
            upload_id, self._upload_id = self._upload_id, None
            with translated():
                self._uploads.client.abort_multipart_upload(**self._target, UploadId=upload_id)

    def _send_part(self, body: bytes) -> None:
        client = self._uploads.client
        if self._upload_id is None:
            with translated():
                self._upload_id = client.create_multipart_upload(
                    **self._target, ChecksumAlgorithm="CRC32", **self._uploads.seal
                )["UploadId"]
        number = len(self._parts) + 1
        place = {**self._target, "UploadId": self._upload_id, "PartNumber": number}

        def send() -> dict[str, Any]:
            checksum = _checksum(body)
            answer = client.upload_part(**place, Body=body, **checksum)
            return {"PartNumber": number, "ETag": answer["ETag"], **checksum}

        self._parts.append(self._uploads.submit(send))


def _checksum(body: bytes) -> dict[str, str]:
    """Return the checksum that S3 compares with what it received."""
    from isal import isal_zlib  # not at the top: Airflow's parsing of the DAG must stay quick

    crc = isal_zlib.crc32(body).to_bytes(4, "big")
    return {"ChecksumCRC32": base64.b64encode(crc).decode()}
