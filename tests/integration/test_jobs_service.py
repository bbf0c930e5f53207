"""One suite for the protocols of jobs and models: the fakes, and boto3 on the local service."""

import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from batch_transform.scoring.errors import (
    CapacityShort,
    NameTaken,
    RequestRefused,
    ServiceBroken,
    Unreachable,
)
from batch_transform.scoring.jobs.logs import CloudWatchLogs
from batch_transform.scoring.jobs.models import SageMakerModels, checked, of_package_group
from batch_transform.scoring.jobs.owners import owners
from batch_transform.scoring.jobs.service import COMPLETED, FAILED, STOPPED, SageMakerJobs, get
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Model
from batch_transform.scoring.testing import FakeAws, InMemoryJobs, InMemoryModels
from tests.unit.scoring.jobs.conftest import JOB, ROOT, Task

OUTPUT = S3Uri.parse("s3://contract/out")
DYING = Path(__file__).with_name("dying_container.py")
ROLE = "arn:aws:iam::123456789012:role/test"
REQUEST = {
    "ModelName": "echo",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://contract/in/"}},
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "TransformOutput": {"S3OutputPath": "s3://contract/out"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "Tags": [{"Key": "batch-transform:owner", "Value": "first"}],
}


@pytest.fixture(scope="module")
def aws(sagemaker_local_of_module):
    aws = sagemaker_local_of_module
    aws.containers.register("test/echo:1", [sys.executable, "-m", "sagemaker_local.container"])
    aws.containers.register("test/dying:1", [sys.executable, DYING])
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    s3.create_bucket(Bucket="contract")
    s3.put_object(Bucket="contract", Key="in/a.csv", Body=b"1,2\n")
    s3.put_object(Bucket="contract", Key="bad/a.csv", Body=b"die\n")
    for name, image in (("echo", "test/echo:1"), ("dying", "test/dying:1")):
        sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image}
        )
    return aws


class Fake:
    """The fake, moved by hand where the service moves by itself."""

    def __init__(self):
        self.jobs = InMemoryJobs(now=datetime.now(UTC))

    def hold(self):
        """The next job stays InProgress."""

    def end(self, name, status):
        if self.jobs.find(name).status == "InProgress":
            self.jobs.end(name, status)


class Local:
    """boto3 on the local service."""

    def __init__(self, aws):
        self.aws, self.jobs = aws, SageMakerJobs(aws.client("sagemaker"))

    def hold(self):
        self.aws.faults.freeze()

    def end(self, name, status):
        deadline = time.monotonic() + 60
        while self.jobs.find(name).status != status:
            assert time.monotonic() < deadline
            time.sleep(0.1)  # the service offers nothing to wait on


@pytest.fixture(params=["fake", "local"])
def service(request):
    return Fake() if request.param == "fake" else Local(request.getfixturevalue("aws"))


@pytest.fixture
def name():
    return f"job-{uuid.uuid4().hex[:12]}"


def test_a_job_is_started_once_and_described(service, name):
    service.hold()
    service.jobs.create({**REQUEST, "TransformJobName": name})
    job = get(service.jobs, name)
    assert (job.name, job.status, job.reason) == (name, "InProgress", "")
    assert abs((datetime.now(UTC) - job.created).total_seconds()) < 60
    assert str(job.output) == "s3://contract/out"
    assert job.instance_type == "ml.m5.large"
    with pytest.raises(NameTaken):
        service.jobs.create({**REQUEST, "TransformJobName": name})
    service.jobs.stop(name)


def test_what_does_not_exist_is_none_and_cannot_be_stopped(service, name):
    assert service.jobs.find(name) is None
    assert service.jobs.stop(name) is False


def test_tags_come_with_the_request_and_can_be_changed(service, name):
    service.jobs.create({**REQUEST, "TransformJobName": name})
    arn = get(service.jobs, name).arn
    assert service.jobs.tags(arn) == {"batch-transform:owner": "first"}
    service.jobs.tag(arn, {"batch-transform:owner": "second", "more": "x"})
    assert service.jobs.tags(arn) == {"batch-transform:owner": "second", "more": "x"}
    service.jobs.untag(arn, ["more", "never there"])
    assert service.jobs.tags(arn) == {"batch-transform:owner": "second"}


def test_every_running_job_is_listed_and_no_other(service, name):
    service.hold()
    service.jobs.create({**REQUEST, "TransformJobName": name})
    job = get(service.jobs, name)
    assert (job.name, job.arn) in service.jobs.running()
    service.jobs.stop(name)
    service.end(name, STOPPED)
    assert job.name not in dict(service.jobs.running())


def test_a_job_is_stopped_once(service, name):
    service.hold()
    service.jobs.create({**REQUEST, "TransformJobName": name})
    assert service.jobs.stop(name) is True
    assert service.jobs.stop(name) is False
    service.end(name, STOPPED)
    assert service.jobs.stop(name) is False


def test_a_job_that_is_over_is_not_stopped(service, name):
    service.jobs.create({**REQUEST, "TransformJobName": name})
    service.end(name, COMPLETED)
    assert service.jobs.stop(name) is False
    assert get(service.jobs, name).status == COMPLETED


def test_many_workers_at_once_with_the_same_plan_start_one_job(aws):
    digest = uuid.uuid4().hex * 2

    def attempt(number):
        services = FakeAws(jobs=SageMakerJobs(aws.client("sagemaker")))
        request = {key: value for key, value in REQUEST.items() if key != "Tags"}
        job = replace(JOB, pipeline="crowd", digest=digest, request=request, output=OUTPUT)
        return Task(services, f"run {number}").attempt(job), services

    aws.faults.freeze()
    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(attempt, range(8)))
    assert sorted(each.how.value for each, _ in held) == ["attached"] * 7 + ["started"]
    (name,) = {each.job.name for each, _ in held}
    jobs = held[0][1].jobs
    assert len(owners(jobs.tags(get(jobs, name).arn), ROOT).of_deployment) == 8
    jobs.stop(name)


@pytest.mark.parametrize(
    ("fault", "error"), [("throttle", Unreachable), ("internal-failure", ServiceBroken)]
)
def test_what_waiting_cures_has_its_type(aws, name, fault, error):
    jobs = Local(aws).jobs
    aws.control("POST", "faults", {"fault": fault, "operation": "CreateTransformJob"})
    with pytest.raises(error, match="CreateTransformJob"):
        jobs.create({**REQUEST, "TransformJobName": name})
    aws.limit("ml.m5.large", 0)
    with pytest.raises(CapacityShort, match="account-level service limit"):
        jobs.create({**REQUEST, "TransformJobName": name})
    aws.limit("ml.m5.large", 100)
    with pytest.raises(RequestRefused, match="Could not find model"):
        jobs.create({**REQUEST, "TransformJobName": name, "ModelName": "nobody"})


def test_a_service_that_cannot_be_reached_has_its_type(name):
    client = boto3.client(
        "sagemaker",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )
    with pytest.raises(Unreachable, match="AWS cannot be reached"):
        SageMakerJobs(client).find(name)


def test_the_last_lines_of_a_failed_jobs_own_log(aws, name):
    service = Local(aws)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://contract/bad/"}}
    bad = {**REQUEST, "TransformInput": {**REQUEST["TransformInput"], "DataSource": source}}
    service.jobs.create({**bad, "TransformJobName": name, "ModelName": "dying"})
    service.end(name, FAILED)
    tail = CloudWatchLogs(aws.client("logs")).tail(name)
    assert f"Log {name}/" in tail
    assert len(tail.splitlines()) > 1
    assert "It has no log" in CloudWatchLogs(aws.client("logs")).tail("no-such-job")


class LocalModels:
    def __init__(self, aws, group):
        self.client, self.group = aws.client("sagemaker"), group
        self.models = SageMakerModels(self.client)
        self.client.create_model_package_group(ModelPackageGroupName=group)

    def approve(self):
        return self.add("Approved")

    def add(self, status):
        return self.client.create_model_package(
            ModelPackageGroupName=self.group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": "test/echo:1"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]


class FakeModels:
    def __init__(self, group):
        self.models, self.group, self.count = InMemoryModels(), group, 0

    def approve(self):
        self.models.approved[self.group] = self.add("Approved")
        return self.models.approved[self.group]

    def add(self, status):
        self.count += 1
        return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{self.group}/{self.count}"


@pytest.fixture(params=["fake", "local"])
def packages(request):
    group = f"group-{uuid.uuid4().hex[:8]}"
    if request.param == "fake":
        return FakeModels(group)
    return LocalModels(request.getfixturevalue("aws"), group)


def test_the_latest_approved_version_becomes_a_model_once(packages):
    spec = Model(package_group=packages.group, role=ROLE)
    assert packages.models.latest_approved(packages.group) is None
    packages.approve()
    second = packages.approve()
    packages.add("Rejected")
    assert packages.models.latest_approved(packages.group) == second
    facts = of_package_group(packages.models, packages.group, second, spec)
    assert facts.identity == second
    packages.models.create(facts.name, second, spec)  # another worker was as quick
    assert of_package_group(packages.models, packages.group, second, spec) == facts


def test_a_model_that_does_not_exist_is_none(packages):
    assert packages.models.find("nobody") is None
    with pytest.raises(RequestRefused, match="no SageMaker model 'nobody'"):
        checked(packages.models, "nobody")
