"""The model behind a job: there, usable, and made once for a package version."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.jobs.models import (
    SageMakerModels,
    checked,
    latest_version,
    of_package_group,
)
from batch_transform.scoring.testing import InMemoryModels

VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/trees/7"
ROLE = "arn:aws:iam::123456789012:role/scoring"


@pytest.fixture
def models():
    return InMemoryModels(approved={"trees": VERSION})


def test_a_missing_model_is_refused(models):
    with pytest.raises(RequestRefused, match="no SageMaker model 'apples'"):
        checked(models, "apples")


def test_a_model_is_what_its_containers_are(models):
    container = {"Image": "trees:1", "ModelDataUrl": "s3://b/model.tar.gz", "Mode": "SingleModel"}
    created = datetime(2013, 6, 1, tzinfo=UTC)
    models.described["apples"] = {"PrimaryContainer": container, "CreationTime": created}
    facts = checked(models, "apples")
    content = {"Image": "trees:1", "ModelDataUrl": "s3://b/model.tar.gz"}
    assert facts.identity == ["apples", [content], created.isoformat()]
    assert not facts.isolated
    models.described["apples"] = {
        "Containers": [container] * 2,
        "CreationTime": created,
        "EnableNetworkIsolation": True,
    }
    both = checked(models, "apples")
    assert both.identity == ["apples", [content] * 2, created.isoformat()]
    assert both.isolated


def test_a_model_made_anew_with_the_same_containers_is_another(models):
    """Tags of images move, and so do artefacts behind a URL."""
    identities = []
    for day in (1, 2):
        created = datetime(2013, 6, day, tzinfo=UTC)
        models.described["apples"] = {"PrimaryContainer": {}, "CreationTime": created}
        identities.append(checked(models, "apples").identity)
    assert identities[0] != identities[1]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"S3DataType": "S3Prefix", "CompressionType": "None"}, "uncompressed"),
        ({"S3DataType": "S3Object", "CompressionType": "Gzip"}, "ModelDataUrl"),
    ],
)
def test_artefacts_that_batch_transform_cannot_use_are_refused(models, source, text):
    container = {"Image": "trees:1", "ModelDataSource": {"S3DataSource": source}}
    models.described["apples"] = {"PrimaryContainer": container}
    with pytest.raises(RequestRefused, match=text):
        checked(models, "apples")


def test_the_model_of_a_package_version_is_made_once(models):
    version = latest_version(models, "trees")
    first = of_package_group(models, "trees", version, ROLE)
    assert of_package_group(models, "trees", version, ROLE) == first
    assert models.created == ["trees-v7"]
    assert first.name == "trees-v7"
    newer = of_package_group(models, "trees", VERSION.replace("/7", "/8"), ROLE)
    assert (first.identity, newer.identity) == (VERSION, VERSION.replace("/7", "/8"))
    assert models.created == ["trees-v7", "trees-v8"]


def test_a_model_of_that_name_but_of_something_else_is_refused(models):
    container = {"Image": "other:1", "Environment": {"TOKEN": "hush"}}
    models.described["trees-v7"] = {"PrimaryContainer": container}
    with pytest.raises(RequestRefused, match="is not of the package version") as refusal:
        of_package_group(models, "trees", VERSION, ROLE)
    assert "hush" not in str(refusal.value)


def test_a_group_without_an_approved_version_is_refused(models):
    with pytest.raises(RequestRefused, match="no approved version"):
        latest_version(models, "pears")


def test_a_page_without_an_approved_version_is_not_the_last():
    """The service may cut a page first and filter it then, so that nothing of it is left."""
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    package = {
        "ModelPackageArn": VERSION,
        "ModelPackageStatus": "Completed",
        "CreationTime": datetime(2013, 6, 1, tzinfo=UTC),
    }
    with Stubber(client) as service:
        service.add_response(
            "list_model_packages", {"ModelPackageSummaryList": [], "NextToken": "more"}
        )
        service.add_response("list_model_packages", {"ModelPackageSummaryList": [package]})
        assert latest_version(SageMakerModels(client), "trees") == VERSION
