"""An orchard's transform job on the fakes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from batch_transform.scoring.jobs.claim import Claimant
from batch_transform.scoring.jobs.look import Services, Watched
from batch_transform.scoring.jobs.start import Wanted
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.testing import (
    InMemoryJobs,
    InMemoryLogs,
    InMemoryMemory,
    InMemoryObjects,
)
from tests.factories import a_shard, an_index

OUTPUT = S3Uri.parse("s3://bucket/output")
DEADLINE = timedelta(hours=6)
REQUEST = {
    "ModelName": "apples",
    "MaxPayloadInMB": 6,
    "TransformInput": {
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "ManifestFile",
                "S3Uri": "s3://bucket/manifest.json",
            }
        },
        "ContentType": "text/csv",
    },
    "TransformOutput": {"S3OutputPath": str(OUTPUT), "Accept": "text/csv"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


def shard(number):
    return a_shard(f"part-{number:05d}.csv", records_sha256="aa")


INDEX = an_index([shard(number) for number in range(4)])


@pytest.fixture
def jobs():
    return InMemoryJobs()


@pytest.fixture
def memory():
    return InMemoryMemory()


@pytest.fixture
def services(jobs):
    return Services(jobs=jobs, objects=InMemoryObjects(), logs=InMemoryLogs())


@pytest.fixture
def wanted():
    return Wanted(
        pipeline="apples",
        partition="2013-06-01",
        digest="d1" * 32,
        request=REQUEST,
        instance_types=("ml.m5.large",),
        claimant=Claimant(attempt="first", run="nightly"),
    )


def by(wanted, attempt, **changes):
    return replace(wanted, claimant=replace(wanted.claimant, attempt=attempt), **changes)


def watched(name, attempt="first"):
    return Watched(name=name, index=INDEX, attempt=attempt, deadline=DEADLINE)


def write_outputs(objects, *numbers):
    for number in numbers:
        objects.put(OUTPUT / f"runs/{shard(number).name}.out", b"1")
