"""Puts model archives into S3 and registers them with CreateModel.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
"""

from typing import Any

from botocore.exceptions import ClientError

from local.models.build import ModelArchive

EXECUTION_ROLE_ARN = "arn:aws:iam::123456789012:role/batch-transform"
_NOT_FOUND = {"404", "NoSuchKey", "NotFound"}


def register(s3: Any, sagemaker: Any, bucket: str, model: ModelArchive) -> str:
    """Makes sure that SageMaker has this very model; an unchanged one is left alone.

    Args:
        s3: boto3 client.
        sagemaker: boto3 client.
        bucket: an existing bucket; the archive goes to `models/<name>/model.tar.gz`.
        model: what to register. Its digest is in the model's environment, so that DescribeModel
            tells a retrained model from the one before, though the address is the same.

    Returns:
        The archive's S3 address.
    """
    key = f"models/{model.name}/model.tar.gz"
    _upload(s3, bucket, key, model)
    address = f"s3://{bucket}/{key}"
    container = {
        "Image": model.image,
        "ModelDataUrl": address,
        "Environment": {"MODEL_ARCHIVE_SHA256": model.sha256},
    }
    registered = _registered_container(sagemaker, model.name)
    if registered is not None and container.items() <= registered.items():
        return address
    if registered is not None:
        sagemaker.delete_model(ModelName=model.name)
    sagemaker.create_model(
        ModelName=model.name, PrimaryContainer=container, ExecutionRoleArn=EXECUTION_ROLE_ARN
    )
    return address


def _upload(s3: Any, bucket: str, key: str, model: ModelArchive) -> None:
    """Uploads the archive unless the object already is this one."""
    try:
        uploaded = s3.head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_FOUND:
            raise
        uploaded = None
    if uploaded != model.sha256:
        s3.put_object(Bucket=bucket, Key=key, Body=model.content, Metadata={"sha256": model.sha256})


def _registered_container(sagemaker: Any, name: str) -> dict[str, Any] | None:
    """The container of the model of this name; None where there is no such model."""
    try:
        described = sagemaker.describe_model(ModelName=name)
    except ClientError as error:
        details = error.response["Error"]
        if details["Code"] == "ValidationException" and "Could not find" in details["Message"]:
            return None
        raise
    container: dict[str, Any] = described["PrimaryContainer"]
    return container
