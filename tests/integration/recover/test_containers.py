"""Recover on the local Batch Transform, with containers that fail as ordered."""

import sys
import time
import uuid
from datetime import UTC, datetime

import pytest

from batch_transform.scoring.aws.objects import ObjectChanged, S3Objects
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.logs import CloudWatchLogs
from batch_transform.scoring.jobs.service import IN_PROGRESS, SageMakerJobs
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.outputs.reconcile import columns_of, stage_outputs
from batch_transform.scoring.outputs.staged import staging
from batch_transform.scoring.recovery.rounds import Recovery, recover
from batch_transform.scoring.testing import FakeAws, InMemoryObjects, RowsSource

ROLE = "arn:aws:iam::123456789012:role/test"
LIMITS = {"bad_records": 5, "max_rounds": 8}


@pytest.fixture(scope="module")
def aws(sagemaker_local_of_module):
    aws = sagemaker_local_of_module
    aws.switch(retry_pause_seconds=0.01)
    aws.containers.register(
        "test/moody:1", [sys.executable, "-m", "tests.integration.recover.container"]
    )
    aws.client("s3").create_bucket(Bucket="recover")
    return aws


class Orchard:
    """Runs of the apples' pipeline against one container."""

    def __init__(self, aws, habit, counts):
        self.aws, self.counts = aws, counts
        counts.touch()
        self.jobs = SageMakerJobs(aws.client("sagemaker"))
        self.objects = S3Objects(aws.client("s3"))
        logs = CloudWatchLogs(aws.client("logs"))
        self.services = FakeAws(jobs=self.jobs, objects=self.objects, logs=logs)
        self.name = f"t{uuid.uuid4().hex[:12]}"
        aws.client("sagemaker").create_model(
            ModelName=self.name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": "test/moody:1",
                "Environment": {"HABIT": habit, "COUNTS": str(counts)},
            },
        )

    def extracted(self, pipeline, partition, rows):
        layout = RunLayout.of(S3Uri("recover", self.name), "apples", partition.label, "attempt")
        source = RowsSource(["apple_id", "weight", "colour"], rows)
        return layout, extract(pipeline, partition, source, self.objects, layout)

    def recovered(self, pipeline, partition, rows):
        """Run the job and what follows; return what would be loaded, and what would not."""
        layout, index = self.extracted(pipeline, partition, rows)
        manifest.write(index, layout, self.objects)
        config = {**request.build(pipeline.settings), "ModelName": self.name}
        first = request.writing(request.reading(config, layout.manifest), layout.output)
        run = Recovery(
            pipeline=pipeline,
            index=index,
            inputs=layout.input,
            job=self.over(f"{self.name}-first", first),
            root=S3Uri("recover", f"{self.name}/recover"),
            config=config,
            now=lambda: datetime.now(UTC),
        )
        coverage = recover(run, self.services, self.launch)
        with staging(columns_of(pipeline.settings, index)) as staged:
            account = stage_outputs(pipeline, index, self.objects, coverage, staged)
        return account, coverage

    def launch(self, sent):
        placed = request.writing(sent.request, sent.layout.output)
        return self.over(f"{self.name}-{sent.digest[:12]}", placed)

    def over(self, name, asked):
        self.jobs.create({**asked, "TransformJobName": name})
        while (job := self.jobs.find(name)).status == IN_PROGRESS:
            time.sleep(0.02)  # the service offers nothing to wait on
        return job

    @property
    def sent(self):
        """How many records the containers were sent."""
        return sum(map(int, self.counts.read_text().split()))


@pytest.mark.parametrize("double", [True, False], ids=["in memory", "local"])
def test_an_object_is_written_once(aws, double):
    store = InMemoryObjects() if double else S3Objects(aws.client("s3"))
    place = S3Uri("recover", f"once/{uuid.uuid4().hex}")
    store.put_if(place, b"first", etag=None)
    with pytest.raises(ObjectChanged):
        store.put_if(place, b"second", etag=None)
    assert store.get(place) == b"first"


@pytest.fixture
def orchard(aws, tmp_path):
    return lambda habit: Orchard(aws, habit, tmp_path / "counts")


@pytest.fixture
def moody(make_pipeline):
    """A pipeline that gives its container a second, once."""
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}

    def moody(**transform):
        return make_pipeline(
            record={"compression": "gzip"},
            shards={"min_count": 4},
            limits=LIMITS,
            transform={"overrides": {"ModelClientConfig": client}, **transform},
        )

    return moody


def apples(count, bad=()):
    return [(n, 0.5, "bad" if n in bad else "red") for n in range(1, count + 1)]


def test_one_record_that_is_refused(orchard, moody, partition):
    account, coverage = orchard("refuse").recovered(moody(), partition, apples(100, {42}))
    (kept,) = account.quarantined
    assert (kept.id, kept.status, kept.line) == (("42",), "400", 17)
    assert kept.reason == "no apple like this: 0.5,bad"
    assert kept.record == "42,0.5,bad"
    assert (account.rows, len(coverage.jobs)) == (99, 2)


@pytest.mark.parametrize("bad", [{42}, {1, 100}])
def test_a_record_that_ends_the_container(orchard, moody, partition, bad):
    account, _ = orchard("die").recovered(moody(), partition, apples(100, bad))
    assert [each.id for each in account.quarantined] == [(str(n),) for n in sorted(bad)]
    assert account.rows == 100 - len(bad)


def test_a_record_that_hangs(orchard, moody, partition):
    account, coverage = orchard("hang").recovered(moody(), partition, apples(100, {42}))
    assert [each.id for each in account.quarantined] == [("42",)]
    assert "did not respond to /invocations" in account.quarantined[0].reason
    assert (account.rows, len(coverage.jobs)) == (99, 3), "whole first, then cut, then once more"


@pytest.mark.parametrize("habit", ["one line", "short"])
@pytest.mark.parametrize("join", ["engine", "line"])
def test_a_container_that_cannot_count(orchard, moody, partition, habit, join):
    account, coverage = orchard(habit).recovered(moody(join=join), partition, apples(40))
    assert (account.rows, account.quarantined, len(coverage.jobs)) == (40, (), 1)


def test_a_container_that_fails_for_a_while(orchard, moody, partition):
    account, coverage = orchard("flaky").recovered(moody(), partition, apples(40))
    assert (account.rows, account.quarantined, len(coverage.jobs)) == (40, (), 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_bad_record_in_a_million(orchard, make_pipeline, partition):
    pipeline = make_pipeline(
        record={"compression": "gzip"},
        shards={"min_count": 16},
        transform={"instance_count": 2, "max_concurrent_transforms": 2},
        limits={"bad_records": "0.1%"},
    )
    this = orchard("refuse")
    account, coverage = this.recovered(pipeline, partition, apples(1_000_000, {654_321}))
    assert (account.rows, len(coverage.jobs) + 1) == (999_999, 4)
    (kept,) = account.quarantined
    assert (kept.id, kept.reason) == (("654321",), "no apple like this: 0.5,bad")
    assert this.sent <= 1.2 * 1_000_000
    print(f"sent {this.sent} records in {len(coverage.jobs) + 1} jobs")  # noqa: T201
