"""Uploads that fail: everything is aborted, and the first error is the one that is told."""

import pytest
from botocore.exceptions import ClientError

from batch_transform.scoring.aws import upload
from batch_transform.scoring.aws.upload import S3Uploads
from batch_transform.scoring.errors import ServiceBroken
from batch_transform.scoring.names import S3Uri


def refusal(operation):
    details = {"Error": {"Code": "InternalError", "Message": operation}}
    return ClientError({**details, "ResponseMetadata": {"HTTPStatusCode": 500}}, operation)


class Refusing:
    """A client of S3 whose uploads can be begun, and then neither continued nor all aborted."""

    def __init__(self):
        self.aborted = []

    def create_multipart_upload(self, **place):
        return {"UploadId": f"upload of {place['Key']}"}

    def upload_part(self, **_):
        raise refusal("UploadPart")

    def abort_multipart_upload(self, **place):
        if place["Key"] == "first":
            raise refusal("AbortMultipartUpload")
        self.aborted.append(place["UploadId"])


def upload_three(client):
    with S3Uploads(client) as uploads:
        for name in ("first", "second", "third"):
            uploads.open(S3Uri("bucket", name)).write(b"x")


def test_an_abort_that_fails_leaves_no_other_and_hides_no_error(monkeypatch, caplog):
    monkeypatch.setattr(upload, "PART_BYTES", 1)
    client = Refusing()
    with pytest.raises(ServiceBroken, match="UploadPart"):
        upload_three(client)
    assert client.aborted == ["upload of second", "upload of third"]
    assert "Parts of s3://bucket/first stay in S3" in caplog.text
