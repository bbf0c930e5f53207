"""Containers that misbehave, and faults on order: the right reason, and nothing left."""

import sys
from functools import partial

import pytest

from sagemaker_lab import processes

LINES = {"SplitType": "Line", "AssembleWith": "Line", "BatchStrategy": "SingleRecord"}
NO_PING = (
    "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is "
    "implemented and responds with an HTTP 200 status code"
)
SEE_LOGS = "AlgorithmError: See job logs for more information"


@pytest.fixture(autouse=True)
def nothing_is_left(sagemaker_local):
    yield
    assert list(map(processes.command, processes.children(sagemaker_local.pid))) == []


@pytest.mark.parametrize("image", ["test/silent:1", "test/unwell:1"])
def test_a_container_that_never_answers_ping(lab, switched, image):
    lab.put(a=b"1\n")
    with switched(ping_timeout_seconds=0.5):
        description = lab.run(image)
    assert description["FailureReason"] == NO_PING
    assert lab.outputs() == set()


OWN_PORT = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
print("on", server.server_port, flush=True)
server.serve_forever()
"""


@pytest.mark.skipif(not processes.SUPPORTED, reason="only Linux tells who listens")
def test_a_container_with_a_port_of_its_own_is_told_so(lab, switched):
    lab.aws.containers.register("own/port:1", [sys.executable, "-c", OWN_PORT])
    lab.put(a=b"1\n")
    with switched(ping_timeout_seconds=4):
        description = lab.run("own/port:1")
    streams = lab.streams(description["TransformJobName"])
    said, hint = [line for name in streams for line in lab.lines(name)][:2]
    port = said.removeprefix("on ")
    assert hint.startswith("sagemaker-local: nothing has answered /ping on port ")
    assert (
        f"The container listens on {port}: let it take its port from SAGEMAKER_BIND_TO_PORT" in hint
    )


def test_a_container_that_does_not_start(lab):
    lab.put(a=b"1\n")
    description = lab.run("test/missing-program:1")
    assert description["FailureReason"].startswith("ClientError: the container cannot be started")


def test_an_image_that_nobody_knows(lab):
    lab.put(a=b"1\n")
    reason = lab.run("no/such:image")["FailureReason"]
    assert reason.startswith("ClientError: there is no command for image no/such:image; add it")
    assert "containers.yaml" in reason


def test_a_model_of_a_package_version_runs_its_container(lab):
    lab.put(a=b"1\n")
    client, group = lab.aws.client("sagemaker"), lab.name()
    client.create_model_package_group(ModelPackageGroupName=group)
    container = {"Image": "test/echo:1"}
    version = client.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    model = f"{group}-v1"
    client.create_model(
        ModelName=model,
        ExecutionRoleArn="arn:aws:iam::123456789012:role/test",
        PrimaryContainer={"ModelPackageName": version},
    )
    lab.run(model=model)
    assert lab.outputs() == {"a.out"}


def test_a_container_that_dies_in_the_middle(lab):
    lab.put(a=b"1\n2\n", b=b"die\n", c=b"3\n")
    description = lab.run("test/dying:1", **LINES)
    assert description["FailureReason"] == SEE_LOGS
    assert lab.outputs() == {"a.out"}
    label = f"{lab.bucket}/in/b: Unable to get response from algorithm"
    lines = lab.data_log(description["TransformJobName"])
    assert sum(label in line for line in lines) == 1


def test_a_container_that_floods_its_log(lab, switched):
    lab.put(a=b"1\n")
    with switched(container_log_limit_in_mb=2):
        description = lab.run("test/flooding:1")
    assert description["FailureReason"] == (
        "AlgorithmError: the container wrote more than 2 MB of log"
    )


def test_most_of_a_long_log_is_left_out(lab, switched):
    lab.put(a=b"1\n")
    with switched(container_log_limit_in_mb=1, container_log_kept_lines=7):
        job = lab.run("test/flooding:1")["TransformJobName"]
    (stream,) = [name for name in lab.streams(job) if not name.endswith("data-log")]
    assert lab.lines(stream) == ["x" * 200] * 7


def test_a_container_that_does_not_want_to_end(lab):
    lab.put(a=b"1\n")
    assert lab.run("test/stubborn:1")["TransformJobStatus"] == "Completed"


@pytest.mark.skipif(not processes.SUPPORTED, reason="only Linux hands such a process over")
def test_a_process_that_a_container_leaves_behind(lab):
    lab.put(a=b"1\n")
    assert lab.run("test/parent:1")["TransformJobStatus"] == "Completed"
    assert not processes.is_alive(int(lab.output("a")))


def test_a_request_that_takes_too_long(lab):
    lab.put(a=b"1\n")
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 1}
    description = lab.run("test/hanging:1", ModelClientConfig=client)
    assert description["FailureReason"] == SEE_LOGS
    text = "Model server did not respond to /invocations request within 1 seconds"
    lines = lab.data_log(description["TransformJobName"])
    assert any(line.endswith(f"{lab.bucket}/in/a: {text}") for line in lines)
    took = description["TransformEndTime"] - description["TransformStartTime"]
    assert took.total_seconds() >= 2


def faulty(lab, fault, **fields):
    """Run a job with a fault; its description."""
    name = lab.name()
    fault(job=name)
    lab.sagemaker.create_transform_job(**{**lab.request(**fields), "TransformJobName": name})
    return lab.wait(name)


def test_capacity_error(lab):
    lab.put(a=b"1\n")
    description = faulty(lab, lab.aws.faults.capacity_error)
    assert description["FailureReason"] == (
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
        "different ML instance type."
    )
    assert "TransformStartTime" not in description


def test_internal_server_error(lab):
    lab.put(a=b"1\n")
    assert faulty(lab, lab.aws.faults.internal_server_error)["FailureReason"] == (
        "InternalServerError: We encountered an internal error.  Please try again."
    )


def test_completed_with_no_output(lab):
    lab.put(a=b"1\n")
    assert faulty(lab, lab.aws.faults.no_output)["TransformJobStatus"] == "Completed"
    assert lab.outputs() == set()


def test_a_container_killed_on_order(lab):
    lab.put(a=b"1\n2\n3\n")
    description = faulty(lab, partial(lab.aws.faults.dying_container, 2), **LINES)
    assert description["FailureReason"] == SEE_LOGS


def test_a_container_slowed_on_order(lab):
    lab.put(a=b"1\n2\n3\n")
    description = faulty(lab, partial(lab.aws.faults.slow_container, 0.2), **LINES)
    took = description["TransformEndTime"] - description["TransformStartTime"]
    assert took.total_seconds() >= 0.6


def test_no_ping_on_order(lab, switched):
    lab.put(a=b"1\n")
    with switched(ping_timeout_seconds=0.3):
        assert faulty(lab, lab.aws.faults.no_ping)["FailureReason"] == NO_PING


def test_stop_from_outside(lab):
    lab.put(a=b"1\n")
    name = lab.name()
    lab.aws.faults.freeze(job=name)
    lab.sagemaker.create_transform_job(**{**lab.request(), "TransformJobName": name})
    assert lab.aws.control("POST", f"jobs/{name}/stop") == {"stopped": True}
    assert lab.wait(name)["TransformJobStatus"] == "Stopped"


def test_throttled_calls(lab):
    lab.aws.faults.throttle("DescribeTransformJob", times=2)
    codes = []
    for _ in range(3):
        try:
            lab.describe("none")
        except lab.sagemaker.exceptions.ClientError as error:
            codes.append(error.response["Error"])
    assert codes[:2] == [{"Code": "ThrottlingException", "Message": "Rate exceeded"}] * 2
    assert codes[2]["Code"] == "ValidationException"
