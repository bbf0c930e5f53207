from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.models.build import ModelArchive
from local.models.register import register

BUCKET = "models-here"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        session = boto3.Session(region_name="us-east-1")
        session.client("s3").create_bucket(Bucket=BUCKET)
        session.client("s3").put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
        yield session


def archive(content: bytes = b"weights", image: str = "local/vader:1") -> ModelArchive:
    return ModelArchive(name="support-sentiment", image=image, content=content)


def registered(aws: boto3.Session, model: ModelArchive) -> dict[str, Any]:
    """What SageMaker says of the model after it was registered."""
    sagemaker = aws.client("sagemaker")
    register(aws.client("s3"), sagemaker, BUCKET, model)
    description: dict[str, Any] = sagemaker.describe_model(ModelName=model.name)
    return description


def test_a_model_is_uploaded_and_created(aws: boto3.Session) -> None:
    description = registered(aws, archive())

    container = description["PrimaryContainer"]
    assert container["Image"] == "local/vader:1"
    assert container["ModelDataUrl"] == f"s3://{BUCKET}/models/support-sentiment/model.tar.gz"
    assert container["Environment"] == {"MODEL_ARCHIVE_SHA256": archive().sha256}
    assert description["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/batch-transform"
    stored = aws.client("s3").get_object(Bucket=BUCKET, Key="models/support-sentiment/model.tar.gz")
    assert stored["Body"].read() == b"weights"


def test_an_unchanged_model_is_left_alone(aws: boto3.Session) -> None:
    before = registered(aws, archive())["CreationTime"]

    assert registered(aws, archive())["CreationTime"] == before
    assert len(aws.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]) == 1


@pytest.mark.parametrize("changed", [archive(b"other weights"), archive(image="local/vader:2")])
def test_a_changed_model_takes_the_place_of_the_old_one(
    aws: boto3.Session, changed: ModelArchive
) -> None:
    registered(aws, archive())
    description = registered(aws, changed)

    container = description["PrimaryContainer"]
    assert container["Image"] == changed.image
    assert container["Environment"] == {"MODEL_ARCHIVE_SHA256": changed.sha256}
    stored = aws.client("s3").get_object(Bucket=BUCKET, Key="models/support-sentiment/model.tar.gz")
    assert stored["Body"].read() == changed.content


def test_other_trouble_is_not_taken_for_a_missing_model(aws: boto3.Session) -> None:
    with pytest.raises(Exception, match="bucket does not exist"):
        register(aws.client("s3"), aws.client("sagemaker"), "no-such-bucket", archive())
