"""The pytest plugin, as tests of other projects use it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sagemaker_lab.lab import Lab
from sagemaker_local.container import ModelHandler, listening
from sagemaker_local.control_client import RefusedError
from sagemaker_local.testing import StartError, running

README = (Path(__file__).parents[2] / "README.md").read_text()
LATE = """
images:
  late:1:
    command: ["{python}", "-m", "sagemaker_local.container"]
"""
UPPER = """
from sagemaker_local.container import ModelHandler, serve

class Upper(ModelHandler):
    def answer(self, body):
        return body.upper()

serve(Upper)
"""


def pytest_in(folder, **files):
    """Run pytest on files in a folder of their own; what it shows."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ}, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_each_test_begins_with_nothing(tmp_path):
    test = """
def test_{0}(sagemaker_local):
    s3 = sagemaker_local.client("s3")
    assert s3.list_buckets()["Buckets"] == []
    assert sagemaker_local.faults.pending() == []
    assert sagemaker_local.containers.commands() == {{}}
    s3.create_bucket(Bucket="in-test")
    sagemaker_local.faults.freeze()
    sagemaker_local.containers.register("my/model:1", ["program"])
"""
    shown = pytest_in(tmp_path, test_twice=test.format("first") + test.format("second"))
    assert "2 passed" in shown, shown


def test_options_of_a_conftest(tmp_path):
    conftest = """
import pytest
from pathlib import Path

@pytest.fixture(scope="session")
def sagemaker_local_options():
    containers = Path(__file__).with_name("containers.yaml")
    return {"containers": containers, "switches": {"blank_lines": "skip"}}
"""
    (tmp_path / "containers.yaml").write_text(
        'images: {my/model:1: {command: ["{python}", "{folder}/model.py"]}}\n'
    )
    test = """
import sys
from pathlib import Path

def test_options(sagemaker_local):
    for _ in range(2):
        model = str(Path(__file__).with_name("model.py"))
        assert sagemaker_local.containers.commands() == {"my/model:1": [sys.executable, model]}
        switches = {s["name"]: s["value"] for s in sagemaker_local.control("GET", "switches")}
        assert switches["blank_lines"] == "skip"
        sagemaker_local.reset()
"""
    shown = pytest_in(tmp_path, conftest=conftest, test_options=test)
    assert "1 passed" in shown, shown


def test_the_example_of_the_readme(tmp_path):
    (tmp_path / "model.py").write_text(UPPER)
    (test,) = re.findall(r"```python\n(# test_\w+\.py\n.*?)```", README, re.DOTALL)
    shown = pytest_in(tmp_path, test_readme=test)
    assert " passed" in shown, shown
    assert "failed" not in shown


def test_a_registered_image_can_be_used_at_once_and_until_reset(lab, tmp_path, monkeypatch):
    program = tmp_path / "upper.py"
    program.write_text(UPPER)
    monkeypatch.chdir(tmp_path)
    lab.aws.containers.register("my/upper:1", [sys.executable, Path("upper.py")])
    lab.put(a=b"x")
    assert lab.run("my/upper:1")["TransformJobStatus"] == "Completed"
    assert lab.output("a") == b"X"
    lab.aws.reset()
    assert "my/upper:1" not in lab.aws.containers.commands()


def test_a_registered_image_behind_a_registry(lab):
    lab.aws.containers.register("mine:1", [sys.executable, "-m", "sagemaker_local.container"])
    lab.put(a=b"x")
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"
    assert lab.run(image)["TransformJobStatus"] == "Completed"


def test_a_command_in_one_string_is_refused_with_its_words(sagemaker_local):
    with pytest.raises(TypeError, match=r"a list of words: \['python', 'my model.py'\]"):
        sagemaker_local.containers.register("my/model:1", "python 'my model.py'")


def test_a_model_that_listens_within_the_test(lab):
    lab.put(a=b"x")
    with listening(ModelHandler) as url:
        assert lab.run(url)["TransformJobStatus"] == "Completed"
    assert lab.output("a") == b"x"


def test_a_job_that_does_not_end_says_how_to_release_it(lab):
    lab.put(a=b"1\n")
    lab.aws.faults.freeze()
    name = lab.start()
    with pytest.raises(TimeoutError, match=rf"{name} is InProgress .* release\('{name}'\)"):
        lab.aws.wait(name, seconds=0.1)
    lab.aws.release(name)
    assert lab.aws.wait(name)["TransformJobStatus"] == "Completed"


def test_faults_wait_until_they_happen_or_are_cleared(lab):
    lab.aws.faults.internal_failure("DescribeTransformJob", times=2)
    with pytest.raises(ClientError, match="InternalFailure"):
        lab.describe("none")
    assert [rule["times"] for rule in lab.aws.faults.pending()] == [1]
    lab.aws.faults.clear()
    assert lab.aws.faults.pending() == []


def test_the_environment_sends_clients_there(sagemaker_local):
    program = "import boto3; boto3.client('s3').create_bucket(Bucket='from-outside')"
    environment = {**os.environ, **sagemaker_local.environment}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    buckets = sagemaker_local.client("s3").list_buckets()["Buckets"]
    assert [each["Name"] for each in buckets] == ["from-outside"]


def test_a_service_that_does_not_start_says_why(tmp_path):
    with (
        pytest.raises(StartError, match="did not start: .*cannot read .*none.yaml"),
        running(containers=tmp_path / "none.yaml"),
    ):
        pass


@pytest.mark.parametrize(
    ("method", "path", "document", "reason"),
    [
        ("PUT", "switches", {"none": 1}, "there is no switch 'none'; there are"),
        ("PUT", "switches", [], "send an object"),
        ("POST", "faults", {"fault": "none"}, "one of throttle, internal-failure, capacity-error"),
        ("POST", "faults", {"fault": "throttle"}, "needs `operation`, one of CreateTransformJob"),
        ("POST", "faults", {"fault": "frozen", "times": 0}, "a whole number of at least 1"),
        ("POST", "faults", {"fault": "slow-container", "seconds": "x"}, "has the wrong type"),
        ("PUT", "limits", {"ml.m5.large": "many"}, "instance types and whole numbers"),
        ("POST", "clock", {"advance": "x"}, "send {"),
        ("PUT", "containers", {"my/model:1": []}, "my/model:1 needs `command`, a list of words"),
        ("PUT", "containers", [], "send an object of images and commands"),
        ("GET", "none", None, "there is no such request; there are .*POST faults"),
        ("POST", "jobs/none/stop", None, "there is no such request"),
    ],
)
def test_requests_that_cannot_be_carried_out(sagemaker_local, method, path, document, reason):
    with pytest.raises(RefusedError, match=reason):
        sagemaker_local.control(method, path, document)


def test_reset_forgets_jobs(lab):
    lab.put(a=b"1\n")
    name = lab.run()["TransformJobName"]
    lab.aws.reset()
    assert lab.aws.events() == []
    with pytest.raises(ClientError, match="Could not find"):
        lab.describe(name)


def test_the_containers_file_is_read_for_each_job(tmp_path):
    file = tmp_path / "containers.yaml"
    file.write_text("images: {}\n")
    with running(containers=file) as service:
        lab = Lab(service)
        lab.put(a=b"x")
        reason = lab.run("late:1")["FailureReason"]
        assert reason.startswith("ClientError: there is no command for image late:1; add it under")
        file.write_text(
            'images: {late:1: {command: ["{python}", "-m", "sagemaker_local.container"]}}'
        )
        assert lab.run("late:1")["TransformJobStatus"] == "Completed"
        file.write_text("images: [")
        assert lab.run("late:1")["FailureReason"].startswith("ClientError: cannot read ")
