"""Shards on their way to a real S3: in parts, aborted, killed half way, and tried again."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict

from batch_transform.connections import Aws
from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.aws.upload import PART_BYTES
from batch_transform.scoring.errors import ObjectMissing, SourceError, Unreachable
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from batch_transform.scoring.testing import RowsSource

BUCKET = "uploads-bucket"
QUERY = """
SELECT apple_id, NULL AS weight, colour FROM apples WHERE :partition_start < :partition_end
"""
PROGRAM = Path(__file__).parent / "extract_program.py"


@pytest.fixture
def store(sagemaker_local_server, request):
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield S3Objects(client)
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    for entry in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
        client.abort_multipart_upload(Bucket=BUCKET, Key=entry["Key"], UploadId=entry["UploadId"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def attempt():
    root = S3Uri(BUCKET, "runs")
    return lambda name: RunLayout.of(root, "apples", "2013-06-01", name)


def names(objects, prefix):
    return [uri.key.rsplit("/", 1)[-1] for uri in objects.keys(prefix)]


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5])
def test_an_object_is_what_was_written_whatever_its_size(store, size):
    body = bytes(range(251)) * (size // 251 + 1)
    with store.uploads() as uploads:
        upload = uploads.open(S3Uri(BUCKET, "object"))
        for start in range(0, size, 1_000_003):
            upload.write(body[start : min(size, start + 1_000_003)])
        upload.close()
    assert store.get(S3Uri(BUCKET, "object")) == body[:size]
    assert list(store.unfinished(S3Uri(BUCKET, "object"))) == []


class Busy:
    """Answers the first requests in the place of S3."""

    def __init__(self, times):
        self.left = times

    def __call__(self, request, **_):
        if not self.left:
            return None
        self.left -= 1
        body = b"<Error><Code>SlowDown</Code><Message>Please reduce your rate</Message></Error>"
        return AWSResponse(request.url, 503, HeadersDict(), SimpleNamespace(stream=lambda: [body]))


@pytest.fixture
def airflow_store(store, sagemaker_local_server, monkeypatch):
    """The store as the tasks have it, by an Airflow connection; and how it comes to be busy."""
    extra = {"endpoint_url": sagemaker_local_server.endpoint_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test-key", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    objects = Aws("aws_default").objects

    def busy(operation, times):
        objects._client.meta.events.register(f"before-send.s3.{operation}", Busy(times))

    return objects, busy


@pytest.mark.parametrize(
    "operation", ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"]
)
def test_a_store_that_is_busy_for_a_while_is_asked_again_within_the_attempt(
    airflow_store, operation
):
    objects, busy = airflow_store
    busy(operation, 7)
    size = 1 if operation == "PutObject" else PART_BYTES + 1
    with objects.uploads() as uploads:
        upload = uploads.open(S3Uri(BUCKET, "object"))
        upload.write(b"x" * size)
        upload.close()
    assert objects.size(S3Uri(BUCKET, "object")) == size


def test_a_store_that_stays_busy_fails_the_attempt_with_what_waiting_cures(airflow_store):
    objects, busy = airflow_store
    busy("PutObject", 8)
    with pytest.raises(Unreachable, match="PutObject: SlowDown: Please reduce your rate"):
        objects.put(S3Uri(BUCKET, "object"), b"x")


def test_a_failing_extract_aborts_what_it_began_and_leaves_no_index(
    make_pipeline, partition, store, attempt
):
    rows = [(number, None, "x" * 1000) for number in range(40_000)]
    rows.append((40_000, None, "two\nlines"))
    source = RowsSource(["apple_id", "weight", "colour"], rows)
    layout = attempt("failing")
    with pytest.raises(SourceError, match="apple_id=40000"):
        extract(make_pipeline(), partition, source, store, layout)
    assert list(store.unfinished(layout.attempt_root)) == []
    with pytest.raises(ObjectMissing):
        store.get(layout.index)


def test_a_store_that_refuses_fails_the_extract(make_pipeline, partition, store, attempt):
    layout = RunLayout.of(S3Uri("no-such-bucket"), "apples", "2013-06-01", "refused")
    rows = [(number, None, "x" * 1000) for number in range(40_000)]
    source = RowsSource(["apple_id", "weight", "colour"], rows)
    with pytest.raises(Exception, match="NoSuchBucket"):
        extract(make_pipeline(), partition, source, store, layout)
    assert [thread.name for thread in threading.enumerate() if "upload" in thread.name] == []


@pytest.fixture
def apples(connection):
    connection.execute(
        "CREATE TABLE apples AS SELECT n::bigint AS apple_id, repeat(md5(n::text), 3) AS colour"
        " FROM generate_series(1, 400000) n"
    )
    connection.commit()


@pytest.mark.usefixtures("apples")
def test_kill_9_in_the_middle_then_a_retry(
    make_pipeline,
    partition,
    store,
    attempt,
    connection,
    database,
    sagemaker_local_server,
):
    killed, retried = attempt("killed"), attempt("retried")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [database, sagemaker_local_server.endpoint_url, QUERY, str(killed.attempt_root)]
    with subprocess.Popen([sys.executable, str(PROGRAM), *arguments], env=environ) as process:
        deadline = time.monotonic() + 40
        try:
            while not list(store.unfinished(killed.attempt_root)):
                assert process.poll() is None, "it ended before it was killed"
                assert time.monotonic() < deadline
                time.sleep(0.05)  # between two looks at what another process does
        finally:
            process.send_signal(signal.SIGKILL)
    assert killed.index not in list(store.keys(killed.attempt_root))
    left = list(store.unfinished(killed.partition_root))
    assert left, "what was killed is there for the lifecycle rule"

    pipeline = make_pipeline().model_copy(update={"query": QUERY})
    indexes = []
    for layout in (retried, attempt("once more")):
        reading = psycopg2.connect(database)
        source = CopySource(reading, QUERY)
        indexes.append(extract(pipeline, partition, source, store, layout))
        reading.close()
    assert indexes[0] == indexes[1]
    assert indexes[0].records == 400_000
    shards = [shard.name for shard in indexes[0].shards]
    assert names(store, retried.input) == ["index.json", *shards]
    assert list(store.unfinished(killed.partition_root)) == left
