"""What outlasts the process where it is given a folder: by a signal, and where it is killed."""

import json
import signal
import subprocess
import sys

import pytest

from sagemaker_lab.lab import Lab
from sagemaker_lab.programs import CONTAINERS
from sagemaker_local.testing import SageMakerLocal

LINES = {"SplitType": "Line", "BatchStrategy": "SingleRecord"}


@pytest.fixture
def serve(tmp_path):
    """Serve once more from the same folder; what still runs at the end is killed."""
    begun = []

    def serve():
        ready = tmp_path / f"ready-{len(begun)}.json"
        words = ["--port", "0", "--ready-file", ready, "--containers", CONTAINERS]
        words += ["--state", tmp_path / "state"]
        process = subprocess.Popen(
            [sys.executable, "-m", "sagemaker_local", *map(str, words)],
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        assert process.stdout.readline().startswith("sagemaker-local serves at")
        return process, Lab(SageMakerLocal(**json.loads(ready.read_text())))

    yield serve
    for process in begun:
        process.kill()
        process.communicate()


def end(process):
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def objects(lab):
    return {
        (bucket["Name"], each["Key"]): (
            each["ETag"],
            each["LastModified"],
            lab.s3.get_object(Bucket=bucket["Name"], Key=each["Key"])["Body"].read(),
        )
        for bucket in lab.s3.list_buckets()["Buckets"]
        for each in lab.s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ())
    }


def everything(lab, job):
    described = lab.describe(job)
    described.pop("ResponseMetadata")
    models = lab.sagemaker.list_models()["Models"]
    tags = lab.sagemaker.list_tags(ResourceArn=described["TransformJobArn"])["Tags"]
    return objects(lab), described, models, tags, lab.data_log(job)


def test_objects_models_jobs_tags_and_logs_are_there_again(serve):
    process, lab = serve()
    lab.put(a=b"x\n" * 3, b=b"y\n" * (5 << 20))
    job = lab.start("test/count:1", SplitType="Line", Tags=[{"Key": "team", "Value": "risk"}])
    assert lab.wait(job)["TransformJobStatus"] == "Completed"
    before = everything(lab, job)
    assert before[3]
    assert before[4]
    end(process)
    process, lab = serve()
    assert everything(lab, job) == before
    end(process)
    _, lab = serve()
    assert everything(lab, job) == before, "what was brought back is kept, too"


def test_what_is_deleted_does_not_come_back_and_leaves_no_content(serve, tmp_path):
    process, lab = serve()
    lab.put(a=b"x", b=b"y")
    lab.s3.delete_object(Bucket=lab.bucket, Key="in/a")
    left = objects(lab)
    assert len(left) == 1
    end(process)
    _, lab = serve()
    assert objects(lab) == left
    assert len(list((tmp_path / "state" / "content").iterdir())) == len(left)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_that_ran_runs_anew_and_ends_well(serve, tmp_path, number):
    process, lab = serve()
    lab.put(a=b"x\n" * 20)
    job = lab.start("test/slow:1", **LINES)
    lab.wait_for_line(job, "MaxConcurrentTransforms")
    index = tmp_path / "state" / "index.pickle"
    lab.until(lambda: index.exists() and job.encode() in index.read_bytes())
    process.send_signal(number)
    process.communicate(timeout=60)
    bucket = lab.bucket
    _, lab = serve()
    lab.bucket = bucket
    assert lab.describe(job)["TransformJobStatus"] in ("InProgress", "Completed")
    assert lab.wait(job)["TransformJobStatus"] == "Completed"
    assert lab.output("a") == b"1" * 20


def test_a_state_that_cannot_be_read_is_said_and_begun_anew(serve, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "index.pickle").write_bytes(b"not this")
    _, lab = serve()
    assert objects(lab) == {}
