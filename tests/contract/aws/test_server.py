"""The process: how it starts, how it ends, what it leaves."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError

import psutil
import pytest

from local.aws.testing import RunningAws, running_aws
from tests.contract.aws.conftest import CONTAINERS
from tests.contract.aws.lab import Lab

ROOT = Path(__file__).parents[3]


def serve(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "local.aws", *arguments],
        cwd=ROOT,
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
        f"local.aws: cannot listen on 127.0.0.1:{port}: Address already in use; "
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_jobs_and_containers(tmp_path, number):
    ready = tmp_path / "ready.json"
    process = serve("--port", "0", "--ready-file", str(ready), "--containers", str(CONTAINERS))
    while not ready.exists():
        assert process.poll() is None
        time.sleep(0.01)
    aws = RunningAws(**json.loads(ready.read_text()))
    assert aws.pid == process.pid
    lab = Lab(aws)
    lab.put(a=b"x\n" * 1000)
    lines = {"SplitType": "Line", "BatchStrategy": "SingleRecord"}
    jobs = [
        lab.start(image, **lines) for image in ("test/slow:1", "test/stubborn:1", "test/silent:1")
    ]
    lab.wait_for_line(jobs[0], "MaxConcurrentTransforms")
    service = psutil.Process(aws.pid)
    lab.until(lambda: len(service.children(recursive=True)) == 2 * len(jobs))
    children = service.children(recursive=True)
    begun = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert time.monotonic() - begun < 8
    assert process.returncode == 0
    _, alive = psutil.wait_procs(children, timeout=0)
    assert alive == []


def test_agents_end_when_the_service_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a killed service cannot tidy up
    with running_aws(containers=CONTAINERS) as aws:
        lab = Lab(aws)
        lab.put(a=b"x\n" * 1000)
        job = lab.start("test/slow:1", SplitType="Line", BatchStrategy="SingleRecord")
        lab.wait_for_line(job, "MaxConcurrentTransforms")
        service = psutil.Process(aws.pid)
        children = service.children(recursive=True)
        service.kill()
        _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


MODEL = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        self.do_GET()
        self.wfile.write(b"mine")

HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
OWN_SERVICE = """

def test_a_container_of_its_own():
    from pathlib import Path

    from local.aws.testing import running_aws
    from tests.contract.aws.lab import Lab

    with running_aws(containers=Path("containers.yaml")) as aws:
        lab = Lab(aws)
        lab.put(a=b"1")
        assert lab.run("my/model:1")["TransformJobStatus"] == "Completed"
        assert lab.output("a") == b"mine"
"""


def test_the_readme_from_another_project(tmp_path):
    readme = (ROOT / "local" / "aws" / "README.md").read_text()
    conftest, test = re.search(r"```python\n(.*?)\n(# test_.*?)```", readme, re.DOTALL).groups()
    containers = re.search(r"```yaml\n(.*?)```", readme, re.DOTALL)[1]
    files = {"conftest.py": conftest, "test_something.py": test + OWN_SERVICE}
    files |= {"containers.yaml": containers, "my_model.py": MODEL, "pytest.ini": "[pytest]\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert "2 passed" in done.stdout, done.stdout


def test_it_listens_on_this_machine_only(aws):
    addresses = {
        connection.laddr.ip
        for connection in psutil.Process(aws.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_fifty_jobs_at_once(lab):
    lab.put(**{f"o{number}": b"a,b\n" * (number + 1) for number in range(4)})
    requests = []
    for number in range(50):
        request = lab.request(model=lab.model("test/echo:1"), SplitType="Line", AssembleWith="Line")
        request["TransformOutput"]["S3OutputPath"] = f"s3://{lab.bucket}/many/{number}/"
        lab.sagemaker.create_transform_job(**request)
        requests.append(request["TransformJobName"])
    begun = time.monotonic()
    lab.describe(requests[0])
    assert time.monotonic() - begun < 5  # the API answers while jobs start
    statuses = {lab.wait(name, seconds=200)["TransformJobStatus"] for name in requests}
    assert statuses == {"Completed"}
    pages = lab.s3.get_paginator("list_objects_v2").paginate(Bucket=lab.bucket, Prefix="many/")
    sizes = {each["Key"]: each["Size"] for page in pages for each in page["Contents"]}
    assert sizes == {
        f"many/{job}/o{number}.out": 4 * (number + 1) for job in range(50) for number in range(4)
    }


def test_reset_forgets_jobs(aws):
    with running_aws(containers=CONTAINERS) as own:
        lab = Lab(own)
        lab.put(a=b"1\n")
        name = lab.run()["TransformJobName"]
        own.order("POST", "reset")
        assert own.order("GET", "events") == []
        with pytest.raises(lab.sagemaker.exceptions.ClientError, match="Could not find"):
            lab.describe(name)


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("PUT", "switches", {"none": 1}),
        ("PUT", "switches", []),
        ("POST", "faults", {"fault": "none"}),
        ("POST", "faults", {"fault": "throttle"}),
        ("POST", "faults", {"fault": "frozen", "times": 0}),
        ("POST", "faults", {"fault": "slow-container", "seconds": "x"}),
        ("PUT", "limits", {"ml.m5.large": "many"}),
        ("POST", "clock", {"advance": "x"}),
        ("GET", "none", None),
        ("POST", "jobs/none/stop", None),
    ],
)
def test_orders_that_cannot_be_carried_out(aws, method, path, document):
    with pytest.raises(HTTPError) as caught:
        aws.order(method, path, document)
    with caught.value as answer:
        assert answer.status in {400, 404}
        assert json.loads(answer.read())["message"]
