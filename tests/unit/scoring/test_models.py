"""The model behind a job: there, usable, and made once for a package version."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from batch_transform.scoring.errors import RequestRefused
from batch_transform.scoring.jobs.memory import Chain, JobMemory
from batch_transform.scoring.jobs.models import (
    SageMakerModels,
    checked,
    latest_version,
    of_package_group,
    resolve,
)
from batch_transform.scoring.pipeline import Model
from batch_transform.scoring.testing import InMemoryMemory, InMemoryModels

VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/trees/7"
ROLE = "arn:aws:iam::123456789012:role/scoring"
TREES = Model(package_group="trees", role=ROLE)
NETWORK = {"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"]}
IN_NETWORK = {"Subnets": ["subnet-2", "subnet-1"], "SecurityGroupIds": ["sg-1"]}


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
    first = of_package_group(models, "trees", version, TREES)
    assert of_package_group(models, "trees", version, TREES) == first
    assert models.created == ["trees-v7"]
    assert first.name == "trees-v7"
    newer = of_package_group(models, "trees", VERSION.replace("/7", "/8"), TREES)
    assert (first.identity, newer.identity) == (VERSION, VERSION.replace("/7", "/8"))
    assert models.created == ["trees-v7", "trees-v8"]


def test_a_model_of_that_name_but_of_something_else_is_refused(models):
    container = {"Image": "other:1", "Environment": {"TOKEN": "hush"}}
    models.described["trees-v7"] = {"PrimaryContainer": container}
    with pytest.raises(RequestRefused, match="is not of the package version") as refusal:
        of_package_group(models, "trees", VERSION, TREES)
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


def resolved(models, **spec):
    memory = JobMemory(memory=InMemoryMemory(), chain=Chain(attempt="first", number=1))
    return resolve(models, Model(**spec), memory)


def test_a_model_that_is_made_is_in_the_network_that_the_pipeline_wants(models):
    spec = {"package_group": "trees", "role": ROLE, "vpc": NETWORK, "network_isolation": True}
    facts = resolved(models, **spec)
    assert facts.isolated
    assert models.described["trees-v7"]["VpcConfig"] == {
        "Subnets": ["subnet-1", "subnet-2"],
        "SecurityGroupIds": ["sg-1"],
    }
    assert resolved(models, **spec) == facts, "and it is taken for that"


@pytest.mark.parametrize(
    ("described", "spec", "text"),
    [
        ({}, {"network_isolation": True}, "network_isolation is true, and it has a network"),
        ({}, {"vpc": NETWORK}, "not in the network of model.vpc"),
        ({"VpcConfig": IN_NETWORK}, {"vpc": {**NETWORK, "subnets": ["subnet-1"]}}, "model.vpc"),
        ({"VpcConfig": IN_NETWORK}, {"vpc": NETWORK}, ""),
        ({"EnableNetworkIsolation": True}, {"network_isolation": True}, ""),
        ({"VpcConfig": IN_NETWORK, "EnableNetworkIsolation": True}, {}, ""),
    ],
)
def test_a_named_model_is_held_to_the_network_that_the_pipeline_wants(
    models, described, spec, text
):
    models.described["apples"] = {"PrimaryContainer": {}, **described}
    if not text:
        assert resolved(models, name="apples", **spec).name == "apples"
        return
    with pytest.raises(RequestRefused, match=text):
        resolved(models, name="apples", **spec)


def test_the_network_is_sent_with_the_request_for_a_model(models):
    client = boto3.client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    spec = Model(package_group="trees", role=ROLE, vpc=NETWORK, network_isolation=True)
    expected = {
        "ModelName": "trees-v7",
        "PrimaryContainer": {"ModelPackageName": VERSION},
        "ExecutionRoleArn": ROLE,
        "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
        "EnableNetworkIsolation": True,
    }
    with Stubber(client) as service:
        service.add_response(
            "create_model",
            {"ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/x"},
            expected,
        )
        SageMakerModels(client).create("trees-v7", VERSION, spec)
        service.assert_no_pending_responses()
