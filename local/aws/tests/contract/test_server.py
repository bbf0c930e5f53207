"""The process: how it starts, how it ends, what it leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from sagemaker_lab import processes
from sagemaker_lab.lab import Lab
from sagemaker_lab.programs import CONTAINERS
from sagemaker_local.testing import SageMakerLocal, running

needs_proc = pytest.mark.skipif(not processes.SUPPORTED, reason="needs /proc")


def serve(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "sagemaker_local", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_port_in_use_is_one_sentence_and_exit_code_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = serve("--port", str(port))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors == (
        f"sagemaker-local: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another --port\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--switch", "none=1"], "there is no switch 'none'"),
        (["--switch", "slice_end=both"], "slice_end takes one of ['exclusive', 'inclusive']"),
        (["--containers", "no-such-file.yaml"], "cannot read no-such-file.yaml"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, text):
    process = serve("--port", "0", *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert text in errors


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_jobs_and_containers(tmp_path, number):
    ready = tmp_path / "ready.json"
    process = serve("--port", "0", "--ready-file", str(ready), "--containers", str(CONTAINERS))
    assert process.stdout.readline().startswith("sagemaker-local serves at http://127.0.0.1:")
    service = SageMakerLocal(**json.loads(ready.read_text()))
    assert service.pid == process.pid
    lab = Lab(service)
    lab.put(a=b"x\n" * 1000)
    lines = {"SplitType": "Line", "BatchStrategy": "SingleRecord"}
    jobs = [
        lab.start(image, **lines) for image in ("test/slow:1", "test/stubborn:1", "test/silent:1")
    ]
    lab.wait_for_line(jobs[0], "MaxConcurrentTransforms")
    lab.until(lambda: len(processes.children(service.pid)) == 2 * len(jobs))
    children = processes.children(service.pid)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert processes.still_alive(children, 0) == []
    assert not ready.exists()


@needs_proc
def test_agents_end_when_the_service_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a killed service cannot tidy up
    with running(containers=CONTAINERS) as service:
        lab = Lab(service)
        lab.put(a=b"x\n" * 1000)
        job = lab.start("test/slow:1", SplitType="Line", BatchStrategy="SingleRecord")
        lab.wait_for_line(job, "MaxConcurrentTransforms")
        children = processes.children(service.pid)
        os.kill(service.pid, signal.SIGKILL)
        assert processes.still_alive(children, 10) == []


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address on Linux alone")
def test_it_listens_on_one_address_only(sagemaker_local):
    port = urlsplit(sagemaker_local.endpoint_url).port
    socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port))


def test_fifty_jobs_at_once(lab):
    lab.put(**{f"o{number}": b"a,b\n" * (number + 1) for number in range(4)})
    requests = []
    for number in range(50):
        request = lab.request(model=lab.model("test/echo:1"), SplitType="Line", AssembleWith="Line")
        request["TransformOutput"]["S3OutputPath"] = f"s3://{lab.bucket}/many/{number}/"
        lab.sagemaker.create_transform_job(**request)
        requests.append(request["TransformJobName"])
    statuses = {lab.wait(name, seconds=200)["TransformJobStatus"] for name in requests}
    assert statuses == {"Completed"}
    pages = lab.s3.get_paginator("list_objects_v2").paginate(Bucket=lab.bucket, Prefix="many/")
    sizes = {each["Key"]: each["Size"] for page in pages for each in page["Contents"]}
    assert sizes == {
        f"many/{job}/o{number}.out": 4 * (number + 1) for job in range(50) for number in range(4)
    }
