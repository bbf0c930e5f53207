"""An orchard's transform job on the fakes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from batch_transform.scoring.jobs.attempt import Attempt
from batch_transform.scoring.jobs.look import Watch, is_usable
from batch_transform.scoring.jobs.memory import Chain, JobMemory
from batch_transform.scoring.jobs.owners import Owner
from batch_transform.scoring.jobs.request import reading
from batch_transform.scoring.jobs.start import JobRequest
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipeline import Limits
from batch_transform.scoring.testing import FakeAws, InMemoryMemory
from tests.factories import a_shard, an_index

ROOT = "s3://bucket/runs"
LAYOUT = RunLayout(attempt_root=S3Uri.parse("s3://bucket/first"))
OUTPUT = LAYOUT.output
DEADLINE = timedelta(hours=6)
REQUEST = {
    "ModelName": "apples",
    "MaxPayloadInMB": 6,
    "TransformInput": {
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "ManifestFile",
                "S3Uri": str(LAYOUT.manifest),
            }
        },
        "ContentType": "text/csv",
    },
    "TransformOutput": {"Accept": "text/csv"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


def shard(number):
    return a_shard(f"part-{number:05d}.csv", records_sha256="aa")


INDEX = an_index([shard(number) for number in range(4)])
OWNER = Owner(deployment=ROOT, dag_id="apples", run_id="nightly", task_id="transform")
JOB = JobRequest(
    pipeline="apples",
    partition="2013-06-01",
    digest="d1" * 32,
    request=REQUEST,
    output=OUTPUT,
    instance_types=("ml.m5.large",),
    owner=OWNER,
)


def extracted(aws, layout, job=JOB):
    """Write shards and manifest at a layout; return the job that reads them there."""
    aws.objects.put(layout.manifest, b"[]")
    for each in INDEX.shards:
        aws.objects.put(layout.input / each.name, b"1")
    return replace(job, request=reading(job.request, layout.manifest))


class Task:
    """The transform task of one run, attempt after attempt."""

    def __init__(self, aws, run="nightly", deployment=ROOT, **limits):
        self.aws, self.limits = aws, Limits(**limits)
        self.memory = InMemoryMemory()
        extracted(aws, LAYOUT)
        self.owner = replace(OWNER, run_id=run, deployment=deployment, try_number=0)
        self.chain = 1

    def attempt(self, job=JOB, expect=str):
        """Begin as the next attempt, and return the job it holds."""
        self.owner = replace(self.owner, try_number=self.owner.try_number + 1)
        attempt = Attempt(
            services=self.aws,
            memory=self.job_memory(),
            index=INDEX,
            limits=self.limits,
            request=replace(job, owner=self.owner),
            expect=expect,
        )
        return attempt.begin()

    def job_memory(self):
        chain = Chain(attempt=str(self.owner.try_number), number=self.chain)
        return JobMemory(memory=self.memory, chain=chain)

    def cleared(self):
        """A person clears the task: it has more tries from here on."""
        self.chain += 1
        return self

    def watch(self, held):
        return Watch(job_name=held.job.name, index=INDEX, owner=self.owner, deadline=DEADLINE)


@pytest.fixture
def aws():
    return FakeAws()


@pytest.fixture
def jobs(aws):
    return aws.jobs


@pytest.fixture
def task(aws):
    return Task(aws)


def end(aws, held, status, reason="", outputs=range(4)):
    """Let a job write the outputs of some shards, and end."""
    for number in outputs:
        aws.objects.put(held.job.output / f"{shard(number).name}.out", b"1")
    aws.jobs.end(held.job.name, status, reason)


def delete(aws, prefix):
    """Delete what begins with a prefix, as a lifecycle rule does."""
    aws.objects.delete([each.uri for each in aws.objects.listed(prefix)])


def usable(aws, job):
    return is_usable(aws, job, INDEX)
